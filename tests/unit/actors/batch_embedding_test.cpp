// Streams with pooling: a prompt, an embedding, and nothing else.
#include <boost/test/unit_test.hpp>

#include "actors/group_leader/batch.hpp"
#include "simulations/seams/hash_model.hpp"
#include "tests/unit/actors/batch_support.hpp"

// A namespace of its own: sources of one test program are compiled together.
namespace troupe::batch_embedding_test {
namespace {

using simulation::hash_model;

using test::key;

batch_limits small() {
  batch_limits l = test::small_batch();
  l.waiting_max = 8;
  return l;
}

generate embeds(size_t tokens, pooling_kind pooling, token_id first = 1) {
  generate g;
  for (size_t i = 0; i < tokens; ++i) g.prompt.push_back(static_cast<token_id>((first + 7 * i) % 100));
  g.pooling = pooling;
  return g;
}

struct world {
  explicit world(const batch_limits& limits = small())
      : streams(limits),
        model(100, limits.kv_pages,
              {.rows_max = limits.step_tokens_max,
               .sequences_max = limits.sequences_max,
               .logits_max = limits.sequences_max,
               .context_max = limits.context_max,
               .vocab_size = 100,
               .kv_pages = limits.kv_pages}) {}

  /// Steps until nothing is left to do; the embeddings by stream.
  std::map<stream_id, stream_embedding> run() {
    std::map<stream_id, stream_embedding> out;
    while (auto step = streams.plan()) {
      (void)streams.apply(model.run(*step).value());
      for (auto& [k, embedding] : streams.take_embeddings()) out[k.stream] = std::move(embedding);
    }
    return out;
  }

  batch streams;
  hash_model model;
};

BOOST_AUTO_TEST_CASE(a_mean_is_prefilled_in_chunks_and_ends_without_a_token) {
  world w;
  const auto g = embeds(40, pooling_kind::mean);
  BOOST_REQUIRE(w.streams.admit(key(1), g));
  auto first = w.streams.plan();
  BOOST_REQUIRE(first.has_value());
  BOOST_TEST(first->plan.sequences.at(0).wants_logits == 0u);
  BOOST_TEST(first->plan.sequences.at(0).wants_hidden == 32u);
  BOOST_TEST(first->sampling.empty());
  BOOST_REQUIRE(first->pooling.size() == 1u);
  BOOST_TEST(first->pooling[0].sum.empty());
  BOOST_TEST(w.streams.apply(w.model.run(*first).value()).empty());
  BOOST_TEST(w.streams.take_embeddings().empty());
  auto second = w.streams.plan();
  BOOST_TEST(second->plan.sequences.at(0).wants_hidden == 8u);
  BOOST_TEST(second->pooling.at(0).sum.size() == 3u);
  BOOST_TEST(w.streams.apply(w.model.run(*second).value()).empty());
  auto embeddings = w.streams.take_embeddings();
  BOOST_REQUIRE(embeddings.size() == 1u);
  BOOST_TEST((embeddings[0].key == key(1)));
  BOOST_TEST((embeddings[0].embedding.values == hash_model::embedding(g.prompt, pooling_kind::mean)));
  BOOST_TEST(w.streams.size() == 0u);
  BOOST_TEST(w.streams.pages().used_pages() == 0u);
  BOOST_TEST(w.streams.load().prefilled_tokens == 40u);
  BOOST_TEST(w.streams.load().generated_tokens == 0u);
}

BOOST_AUTO_TEST_CASE(of_the_last_token_only_its_row_is_asked_for) {
  world w;
  const auto g = embeds(33, pooling_kind::last);
  BOOST_REQUIRE(w.streams.admit(key(1), g));
  auto first = w.streams.plan();
  BOOST_TEST(first->plan.sequences.at(0).wants_hidden == 0u);
  BOOST_TEST(first->pooling.empty());
  (void)w.streams.apply(w.model.run(*first).value());
  auto second = w.streams.plan();  // one token is left, which is a prompt's and not a decode
  BOOST_TEST(second->plan.sequences.at(0).wants_hidden == 1u);
  BOOST_TEST(second->plan.sequences.at(0).wants_logits == 0u);
  (void)w.streams.apply(w.model.run(*second).value());
  auto embeddings = w.streams.take_embeddings();
  BOOST_REQUIRE(embeddings.size() == 1u);
  BOOST_TEST((embeddings[0].embedding.values == hash_model::embedding(g.prompt, pooling_kind::last)));
}

BOOST_AUTO_TEST_CASE(the_last_row_is_found_behind_a_cached_prefix_and_a_mean_uses_no_cache) {
  world w;
  const auto mean = embeds(50, pooling_kind::mean), last = embeds(50, pooling_kind::last);
  BOOST_REQUIRE(w.streams.admit(key(1), mean));
  (void)w.run();
  BOOST_TEST(w.streams.pages().kept_pages() == 0u);
  BOOST_REQUIRE(w.streams.admit(key(2), last));
  auto cold = w.run().at(2);
  BOOST_TEST(cold.cached == 0u);
  BOOST_TEST(w.streams.pages().kept_pages() == 3u);
  BOOST_REQUIRE(w.streams.admit(key(3), last));
  BOOST_REQUIRE(w.streams.admit(key(4), mean));
  auto warm = w.run();
  BOOST_TEST(warm.at(3).cached == 48u);
  BOOST_TEST((warm.at(3).values == cold.values));
  BOOST_TEST(warm.at(4).cached == 0u);
  BOOST_TEST((warm.at(4).values == hash_model::embedding(mean.prompt, pooling_kind::mean)));
  BOOST_TEST(w.streams.load().prefix_tokens_queried == 100u);
}

BOOST_AUTO_TEST_CASE(one_that_made_room_begins_its_sum_anew) {
  auto limits = small();
  limits.kv_pages = 8;
  world w(limits);
  const auto g = embeds(100, pooling_kind::mean);  // 7 pages
  BOOST_REQUIRE(w.streams.admit(key(1), g));
  (void)w.streams.apply(w.model.run(*w.streams.plan()).value());
  auto urgent = embeds(30, pooling_kind::mean, 50);
  urgent.priority = -5;
  BOOST_REQUIRE(w.streams.admit(key(2), urgent));
  auto both = w.run();
  BOOST_TEST(w.streams.load().preemptions == 1u);
  BOOST_TEST((both.at(1).values == hash_model::embedding(g.prompt, pooling_kind::mean)));
  BOOST_TEST((both.at(2).values == hash_model::embedding(urgent.prompt, pooling_kind::mean)));
}

BOOST_AUTO_TEST_CASE(one_that_is_cancelled_in_its_step_gives_nothing_and_may_come_again) {
  world w;
  const auto g = embeds(20, pooling_kind::mean);
  BOOST_REQUIRE(w.streams.admit(key(1), g));
  auto step = w.streams.plan();
  BOOST_TEST(w.streams.cancel(key(1)));
  BOOST_REQUIRE(w.streams.admit(key(1), g));
  (void)w.streams.apply(w.model.run(*step).value());
  BOOST_TEST(w.streams.take_embeddings().empty());
  BOOST_TEST((w.run().at(1).values == hash_model::embedding(g.prompt, pooling_kind::mean)));
}

BOOST_AUTO_TEST_CASE(streams_that_decode_go_first_and_embeddings_share_what_is_left) {
  world w;
  generate talks;
  talks.prompt = {1, 2, 3};
  talks.tokens_max = 20;
  BOOST_REQUIRE(w.streams.admit(key(1), talks));
  (void)w.streams.apply(w.model.run(*w.streams.plan()).value());
  BOOST_REQUIRE(w.streams.admit(key(2), embeds(60, pooling_kind::mean)));
  auto step = w.streams.plan();
  BOOST_REQUIRE(step->plan.sequences.size() == 2u);
  BOOST_TEST(step->plan.sequences[0].wants_logits == 1u);
  BOOST_TEST(step->plan.sequences[1].tokens.size() == 31u);
  BOOST_TEST(step->pooling.at(0).sequence == 1u);
}

BOOST_AUTO_TEST_CASE(a_step_finishes_no_more_embeddings_than_may_be_sent) {
  auto limits = small();
  limits.embeddings_max = 2;
  world w(limits);
  for (stream_id stream = 1; stream <= 4; ++stream)
    BOOST_REQUIRE(w.streams.admit(key(stream), embeds(4, pooling_kind::last)));
  (void)w.streams.apply(w.model.run(*w.streams.plan()).value());
  BOOST_TEST(w.streams.take_embeddings().size() == 2u);
  (void)w.streams.apply(w.model.run(*w.streams.plan()).value());
  BOOST_TEST(w.streams.take_embeddings().size() == 2u);
  BOOST_TEST(!w.streams.plan());
}

BOOST_AUTO_TEST_CASE(a_prompt_may_fill_the_context_and_nothing_may_be_generated) {
  world w;
  auto code = [&](generate g) { return w.streams.admit(key(9), std::move(g)).err().code; };
  BOOST_TEST((code(embeds(0, pooling_kind::mean)) == errc::invalid_argument));
  BOOST_TEST((code(embeds(257, pooling_kind::mean)) == errc::context_length_exceeded));
  auto generates = embeds(3, pooling_kind::last);
  generates.tokens_max = 1;
  BOOST_TEST((code(generates) == errc::invalid_argument));
  auto committed = embeds(3, pooling_kind::last);
  committed.committed = {1};
  BOOST_TEST((code(committed) == errc::invalid_argument));
  BOOST_TEST(w.streams.admit(key(1), embeds(256, pooling_kind::mean)).has_value());
  BOOST_TEST(w.run().size() == 1u);
  auto limits = small();
  limits.kv_pages = 15;
  world tight(limits);
  BOOST_TEST((tight.streams.admit(key(1), embeds(241, pooling_kind::mean)).err().code == errc::out_of_memory));
  BOOST_TEST(tight.streams.admit(key(1), embeds(240, pooling_kind::mean)).has_value());
  BOOST_TEST(tight.run().size() == 1u);
}

}  // namespace
}  // namespace troupe::batch_embedding_test
