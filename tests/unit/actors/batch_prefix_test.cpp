// The batch and its prefix cache.
#include <boost/test/unit_test.hpp>
#include <numeric>

#include "actors/group_leader/batch.hpp"
#include "tests/unit/actors/batch_support.hpp"

// A namespace of its own: sources of one test program are compiled together.
namespace troupe::batch_prefix_test {
namespace {

batch_limits roomy() {
  batch_limits l;
  l.context_max = 512;
  l.vocab_size = 1000;
  l.kv_pages = 32;
  l.sequences_max = 4;
  l.step_tokens_max = 256;
  return l;
}

using test::key;

/// A prompt of `length` ids that count up from `first`.
generate asks(size_t length, uint32_t tokens_max, token_id first = 1) {
  generate g;
  g.prompt.resize(length);
  std::iota(g.prompt.begin(), g.prompt.end(), first);
  g.tokens_max = tokens_max;
  return g;
}

/// Runs steps that always draw `id` until nothing is left; the first token of each stream.
std::map<stream_id, stream_token> run(batch& streams, token_id id = 7) {
  std::map<stream_id, stream_token> first;
  while (auto step = streams.plan()) {
    step_result result;
    result.number = step->plan.number;
    result.sampled.assign(step->sampling.size(), {id, 0, {}});
    for (auto& [k, token] : streams.apply(result)) first.emplace(k.stream, token);
  }
  return first;
}

BOOST_AUTO_TEST_CASE(a_prompt_that_was_computed_before_begins_behind_it) {
  batch streams(roomy());
  BOOST_REQUIRE(streams.admit(key(1), asks(50, 2)));
  BOOST_TEST(run(streams).at(1).cached == 0u);
  BOOST_TEST(streams.pages().used_pages() == 0u);
  BOOST_TEST(streams.pages().kept_pages() == 3u);
  BOOST_REQUIRE(streams.admit(key(2), asks(50, 2)));
  auto step = streams.plan();
  BOOST_TEST(step->plan.sequences.at(0).first_position == 48u);
  BOOST_TEST(step->plan.sequences.at(0).tokens.size() == 2u);
  step_result result{step->plan.number, {{7, 0, {}}}, {}};
  BOOST_TEST(streams.apply(result).at(0).token.cached == 48u);
  auto load = streams.load();
  BOOST_TEST(load.prefix_tokens_queried == 100u);
  BOOST_TEST(load.prefix_tokens_hit == 48u);
}

BOOST_AUTO_TEST_CASE(the_last_token_of_a_prompt_is_always_computed) {
  batch streams(roomy());
  BOOST_REQUIRE(streams.admit(key(1), asks(48, 2)));
  (void)run(streams);
  BOOST_REQUIRE(streams.admit(key(2), asks(48, 2)));
  auto step = streams.plan();
  BOOST_TEST(step->plan.sequences.at(0).first_position == 32u);
  BOOST_TEST(step->plan.sequences.at(0).tokens.size() == 16u);
}

BOOST_AUTO_TEST_CASE(the_next_turn_of_a_conversation_finds_the_answer_too) {
  batch streams(roomy());
  BOOST_REQUIRE(streams.admit(key(1), asks(20, 30)));
  (void)run(streams);
  auto next = asks(20, 2);
  next.prompt.insert(next.prompt.end(), 29, 7);  // all but the last token of the answer was computed
  next.prompt.push_back(500);
  BOOST_REQUIRE(streams.admit(key(2), next));
  BOOST_TEST(run(streams).at(2).cached == 48u);
}

BOOST_AUTO_TEST_CASE(streams_that_come_together_share_what_the_first_computes) {
  auto limits = roomy();
  limits.step_tokens_max = 64;
  batch streams(limits);
  for (stream_id stream : {1, 2, 3}) BOOST_REQUIRE(streams.admit(key(stream), asks(100, 2)));
  auto first = run(streams);
  BOOST_TEST(first.at(1).cached == 0u);
  BOOST_TEST(first.at(2).cached >= 64u);
  BOOST_TEST(first.at(3).cached == 96u);
  BOOST_TEST(streams.pages().kept_pages() == 6u);  // one copy
}

BOOST_AUTO_TEST_CASE(other_salts_share_nothing) {
  batch streams(roomy());
  BOOST_REQUIRE(streams.admit(key(1), asks(50, 2)));
  (void)run(streams);
  auto other = asks(50, 2);
  other.cache_salt = "tenant 2";
  BOOST_REQUIRE(streams.admit(key(2), other));
  BOOST_TEST(run(streams).at(2).cached == 0u);
  BOOST_REQUIRE(streams.admit(key(3), other));
  BOOST_TEST(run(streams).at(3).cached == 48u);
}

BOOST_AUTO_TEST_CASE(without_the_cache_every_page_is_free_at_the_end) {
  auto limits = roomy();
  limits.prefix_cache = false;
  batch streams(limits);
  for (stream_id stream : {1, 2}) {
    BOOST_REQUIRE(streams.admit(key(stream), asks(50, 2)));
    BOOST_TEST(run(streams).at(stream).cached == 0u);
    BOOST_TEST(streams.pages().free_pages() == 32u);
  }
}

BOOST_AUTO_TEST_CASE(kept_pages_make_room_for_new_texts) {
  auto limits = roomy();
  limits.kv_pages = 4;
  batch streams(limits);
  for (stream_id stream = 1; stream <= 5; ++stream) {
    BOOST_REQUIRE(streams.admit(key(stream), asks(50, 3, static_cast<token_id>(50 * stream))));
    (void)run(streams);
    BOOST_TEST(streams.size() == 0u);
  }
  BOOST_TEST(streams.load().prefix_pages_evicted > 0u);
}

BOOST_AUTO_TEST_CASE(a_stream_that_made_room_finds_its_own_pages_and_does_not_call_that_cached) {
  auto limits = roomy();
  limits.kv_pages = 8;
  batch streams(limits);
  BOOST_REQUIRE(streams.admit(key(1), asks(40, 60, 1)));
  BOOST_REQUIRE(streams.admit(key(2), asks(40, 40, 200)));
  auto first = run(streams);
  BOOST_TEST(streams.load().preemptions > 0u);
  BOOST_TEST(streams.load().prefix_tokens_hit > 0u);
  BOOST_TEST(first.at(2).cached == 0u);
}

}  // namespace
}  // namespace troupe::batch_prefix_test
