// Random streams, cancels, steps and page shortage, against the model of hash_model.hpp: every stream gets exactly its
// tokens, once and in order, or its embedding, to the bit; pages are conserved at every step, and no page is written
// that another may read.
#include <boost/test/unit_test.hpp>
#include <random>

#include "actors/group_leader/batch.hpp"
#include "simulations/seams/hash_model.hpp"
#include "tests/unit/actors/batch_support.hpp"

// A namespace of its own: sources of one test program are compiled together.
namespace troupe::batch_random_test {
namespace {

using simulation::hash_model;

/// What one run is like; everything is drawn from its seed.
struct shape {
  batch_limits limits;
  uint32_t ids = 4;
  uint32_t streams = 60;
};

shape shape_of(uint32_t seed) {
  std::mt19937 random(seed);
  shape s;
  s.ids = seed % 2 == 0 ? 3 : 50;
  s.limits.context_max = 256;
  s.limits.vocab_size = s.ids;
  s.limits.kv_pages = static_cast<uint32_t>(8 + random() % 24);
  s.limits.sequences_max = static_cast<uint32_t>(1 + random() % 8);
  s.limits.waiting_max = 1000;
  s.limits.step_tokens_max = s.limits.sequences_max + static_cast<uint32_t>(random() % 200);
  s.limits.prefix_cache = random() % 4 != 0;
  s.limits.draft_tokens_max = random() % 3 == 0 ? 0 : static_cast<uint32_t>(1 + random() % 6);
  s.limits.draft_match_min = static_cast<uint32_t>(1 + random() % 3);
  s.limits.embeddings_max = static_cast<uint32_t>(1 + random() % 3);
  return s;
}

struct asked {
  generate it;
  std::vector<token_id> got;
};

class random_run {
 public:
  explicit random_run(uint32_t seed)
      : random_(seed),
        shape_(shape_of(seed)),
        model_(shape_.ids, shape_.limits.kv_pages,
               {.rows_max = shape_.limits.step_tokens_max,
                .sequences_max = shape_.limits.sequences_max,
                .logits_max = std::max(shape_.limits.sequences_max, draft_step_tokens_max),
                .context_max = shape_.limits.context_max,
                .vocab_size = shape_.ids,
                .kv_pages = shape_.limits.kv_pages}),
        batch_(shape_.limits) {}

  void run() {
    for (uint32_t rounds = 0; next_ <= shape_.streams || !asked_.empty(); ++rounds) {
      BOOST_REQUIRE_MESSAGE(rounds < 100'000, "streams do not end");
      if (next_ <= shape_.streams && random_() % 6 == 0) admit();
      auto step = batch_.plan();
      if (random_() % 20 == 0) cancel_one();
      if (step) {
        BOOST_REQUIRE(step->plan.sequences.size() <= shape_.limits.sequences_max);
        take(batch_.apply(model_.run(*step).value()));
        take(batch_.take_embeddings());
      }
      BOOST_REQUIRE(batch_.pages().conserved());
    }
    BOOST_TEST(batch_.size() == 0u);
    BOOST_TEST(batch_.pages().used_pages() == 0u);
  }

  group_load load() const { return batch_.load(); }
  uint32_t embeddings() const { return embeddings_; }

 private:
  generate draw_request() {
    generate g;
    // Texts that begin alike, as far as somebody has said them already.
    if (!said_.empty() && random_() % 2 == 0) {
      const auto& text = said_[random_() % said_.size()];
      g.prompt.assign(text.begin(), text.begin() + static_cast<long>(random_() % (text.size() + 1)));
    }
    const size_t more = 1 + random_() % 50;
    for (size_t i = 0; i < more && g.prompt.size() < 100; ++i) g.prompt.push_back(id());
    if (g.prompt.empty()) g.prompt.push_back(0);
    const uint32_t positions = std::min(shape_.limits.kv_pages * kv_page_positions, shape_.limits.context_max);
    g.prompt.resize(std::min<size_t>(g.prompt.size(), positions - 1));
    g.tokens_max =
        std::min(1 + static_cast<uint32_t>(random_() % 60), positions - static_cast<uint32_t>(g.prompt.size()));
    g.sampling.seed = random_() % 3;
    g.sampling.ignore_eos = random_() % 2 == 0;
    if (random_() % 3 == 0) g.eos = {id()};
    g.priority = static_cast<int32_t>(random_() % 3) - 1;
    if (random_() % 3 == 0) g.cache_salt = "other";
    if (random_() % 4 == 0) {
      g.pooling = random_() % 2 == 0 ? pooling_kind::mean : pooling_kind::last;
      g.tokens_max = 0;
    }
    return g;
  }

  token_id id() { return static_cast<token_id>(random_() % shape_.ids); }

  void admit() {
    auto g = draw_request();
    const auto admitted = batch_.admit(test::key(next_), g);
    BOOST_REQUIRE_MESSAGE(admitted.has_value(), (admitted ? "" : admitted.err().detail));
    asked_[next_++] = {std::move(g), {}};
  }

  // Some come again with what they have, as after the loss of a group.
  void cancel_one() {
    if (asked_.empty()) return;
    auto at = std::next(asked_.begin(), static_cast<long>(random_() % asked_.size()));
    BOOST_REQUIRE(batch_.cancel(test::key(at->first)));
    auto again = std::move(at->second);
    asked_.erase(at);
    if (random_() % 2 == 0) return;
    again.it.committed = again.got;
    BOOST_REQUIRE(batch_.admit(test::key(next_), again.it).has_value());
    asked_[next_++] = std::move(again);
  }

  void take(const std::vector<batch::embedding_for>& embeddings) {
    BOOST_REQUIRE(embeddings.size() <= shape_.limits.embeddings_max);
    for (const auto& [k, embedding] : embeddings) {
      const auto& a = asked_.at(k.stream);
      BOOST_REQUIRE((a.it.pooling != pooling_kind::none));
      BOOST_REQUIRE(embedding.stream == k.stream);
      BOOST_REQUIRE((embedding.values == hash_model::embedding(a.it.prompt, a.it.pooling)));
      BOOST_REQUIRE((a.it.pooling == pooling_kind::last || embedding.cached == 0));
      said_.push_back(a.it.prompt);
      asked_.erase(k.stream);
      ++embeddings_;
    }
  }

  void take(const std::vector<batch::token_for>& tokens) {
    for (const auto& [k, token] : tokens) {
      auto& a = asked_.at(k.stream);
      BOOST_REQUIRE((a.it.pooling == pooling_kind::none));
      auto ids = a.it.prompt;
      ids.insert(ids.end(), a.got.begin(), a.got.end());
      BOOST_REQUIRE(token.index == a.got.size());
      BOOST_REQUIRE(token.id == hash_model::next(ids, a.it.sampling.seed, shape_.ids));
      a.got.push_back(token.id);
      const bool stop = !a.it.sampling.ignore_eos && std::count(a.it.eos.begin(), a.it.eos.end(), token.id) > 0;
      const auto expected = stop                              ? finish_reason::stop
                            : a.got.size() == a.it.tokens_max ? finish_reason::length
                                                              : finish_reason::none;
      BOOST_REQUIRE((token.finish == expected));
      if (token.finish == finish_reason::none) continue;
      ids.push_back(token.id);
      said_.push_back(std::move(ids));
      asked_.erase(k.stream);
    }
  }

  std::mt19937 random_;
  shape shape_;
  hash_model model_;
  batch batch_;
  std::map<stream_id, asked> asked_;
  std::vector<std::vector<token_id>> said_;
  stream_id next_ = 1;
  uint32_t embeddings_ = 0;
};

BOOST_AUTO_TEST_CASE(every_stream_gets_its_tokens_whatever_happens) {
  group_load all;
  uint32_t embeddings = 0;
  for (uint32_t seed = 1; seed <= 60; ++seed) {
    BOOST_TEST_CONTEXT("seed " << seed) {
      random_run run(seed);
      run.run();
      const auto load = run.load();
      embeddings += run.embeddings();
      all.preemptions += load.preemptions;
      all.prefix_tokens_hit += load.prefix_tokens_hit;
      all.prefix_pages_evicted += load.prefix_pages_evicted;
      all.drafted_tokens += load.drafted_tokens;
      all.accepted_tokens += load.accepted_tokens;
    }
  }
  // A test in which nothing of this happens proves nothing.
  BOOST_TEST(embeddings > 500u);
  BOOST_TEST(all.preemptions > 100u);
  BOOST_TEST(all.prefix_tokens_hit > 1000u);
  BOOST_TEST(all.prefix_pages_evicted > 100u);
  BOOST_TEST(all.accepted_tokens > 100u);
  BOOST_TEST(all.drafted_tokens > all.accepted_tokens + 100u);
}

}  // namespace
}  // namespace troupe::batch_random_test
