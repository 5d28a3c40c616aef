// Who goes first: turns, priorities, deadlines.
#include <boost/test/unit_test.hpp>

#include "actors/group_leader/batch.hpp"
#include "tests/unit/actors/batch_support.hpp"

// A namespace of its own: sources of one test program are compiled together.
namespace troupe::batch_turns_test {
namespace {

using std::chrono::seconds;

batch_limits one_slot() {
  batch_limits l;
  l.context_max = 512;
  l.vocab_size = 100;
  l.kv_pages = 64;
  l.sequences_max = 1;
  l.waiting_max = 10'000;
  l.step_tokens_max = 64;
  return l;
}

using test::key;

generate asks(size_t prompt_tokens, uint32_t tokens_max, int32_t priority = 0) {
  generate g;
  g.prompt.assign(prompt_tokens, 5);
  g.tokens_max = tokens_max;
  g.priority = priority;
  return g;
}

std::vector<batch::token_for> step(batch& streams, instant now = {}) {
  auto planned = streams.plan(now);
  if (!planned) return {};
  step_result result;
  result.number = planned->plan.number;
  result.sampled.assign(planned->sampling.size(), {7, 0, {}});
  return streams.apply(result);
}

BOOST_AUTO_TEST_CASE(the_lower_priority_goes_first) {
  batch streams(one_slot());
  BOOST_REQUIRE(streams.admit(key(1), asks(3, 1, 0)));
  BOOST_REQUIRE(streams.admit(key(2), asks(3, 1, 5)));
  BOOST_REQUIRE(streams.admit(key(3), asks(3, 1, -5)));
  BOOST_REQUIRE(streams.admit(key(4), asks(3, 1, 0)));
  std::vector<stream_id> order;
  for (auto tokens = step(streams); !tokens.empty(); tokens = step(streams)) order.push_back(tokens.at(0).key.stream);
  BOOST_TEST(order == (std::vector<stream_id>{3, 1, 4, 2}), boost::test_tools::per_element());
}

// The bound that batch.hpp states: 64 (p - q) later streams, and no more.
BOOST_AUTO_TEST_CASE(nobody_is_overtaken_for_ever) {
  batch streams(one_slot());
  BOOST_REQUIRE(streams.admit(key(1), asks(3, 1, 2)));
  int overtaken = 0;
  for (stream_id next = 2; next < 1000; ++next) {
    BOOST_REQUIRE(streams.admit(key(next), asks(3, 1, 0)));
    if (step(streams).at(0).key.stream == 1) break;
    ++overtaken;
  }
  BOOST_TEST(overtaken == 2 * 64 - 1);
}

BOOST_AUTO_TEST_CASE(a_stream_that_runs_makes_room_for_one_of_lower_priority_alone) {
  batch streams(one_slot());
  BOOST_REQUIRE(streams.admit(key(1), asks(3, 9, 1)));
  BOOST_TEST(step(streams).at(0).key.stream == 1u);
  BOOST_REQUIRE(streams.admit(key(2), asks(3, 9, 1)));
  BOOST_TEST(step(streams).at(0).key.stream == 1u);
  BOOST_REQUIRE(streams.admit(key(3), asks(3, 2, 0)));
  BOOST_TEST(step(streams).at(0).key.stream == 3u);
  BOOST_TEST(streams.load().preemptions == 1u);
  BOOST_TEST(step(streams).at(0).key.stream == 3u);
  // Then it goes on where it was.
  auto tokens = step(streams);
  BOOST_TEST(tokens.at(0).key.stream == 1u);
  BOOST_TEST(tokens.at(0).token.index == 2u);
}

BOOST_AUTO_TEST_CASE(nobody_is_preempted_for_a_stream_that_would_not_fit_all_the_same) {
  auto limits = one_slot();
  limits.sequences_max = 4;
  limits.kv_pages = 16;
  batch streams(limits);
  BOOST_REQUIRE(streams.admit(key(1), asks(200, 9, -2)));  // 13 pages
  BOOST_REQUIRE(streams.admit(key(2), asks(10, 9, 1)));
  (void)step(streams);
  BOOST_REQUIRE(streams.admit(key(3), asks(100, 9, 0)));
  BOOST_TEST(streams.plan().has_value());
  BOOST_TEST(streams.load().running == 2u);
  BOOST_TEST(streams.load().preemptions == 0u);
}

BOOST_AUTO_TEST_CASE(pages_are_taken_from_those_whose_turn_is_last) {
  auto limits = one_slot();
  limits.sequences_max = 3;
  limits.kv_pages = 6;
  limits.prefix_cache = false;
  batch streams(limits);
  BOOST_REQUIRE(streams.admit(key(1), asks(15, 60, 1)));
  BOOST_REQUIRE(streams.admit(key(2), asks(16, 60, 0)));
  BOOST_REQUIRE(streams.admit(key(3), asks(17, 60, 1)));
  std::map<stream_id, uint32_t> tokens;
  std::vector<stream_id> ended;
  while (streams.size() > 0) {
    for (const auto& token : step(streams)) {
      BOOST_TEST(token.token.index == tokens[token.key.stream]++);
      if (token.token.finish != finish_reason::none) ended.push_back(token.key.stream);
    }
  }
  BOOST_TEST(ended == (std::vector<stream_id>{2, 1, 3}), boost::test_tools::per_element());
  BOOST_TEST(streams.load().preemptions > 0u);
}

BOOST_AUTO_TEST_CASE(a_stream_whose_deadline_passed_while_it_waited_is_not_computed) {
  batch streams(one_slot());
  const instant start{};
  BOOST_REQUIRE(streams.admit(key(1), asks(3, 3), start, start + seconds(1)));
  BOOST_REQUIRE(streams.admit(key(2), asks(3, 3), start, start + seconds(2)));
  BOOST_REQUIRE(streams.admit(key(3), asks(3, 3), start));
  BOOST_TEST(step(streams, start).at(0).key.stream == 1u);
  BOOST_TEST(streams.take_expired().empty());
  // What runs is its request's to end.
  BOOST_TEST(step(streams, start + seconds(5)).at(0).key.stream == 1u);
  auto expired = streams.take_expired();
  BOOST_REQUIRE(expired.size() == 1u);
  BOOST_TEST(expired[0].stream == 2u);
  BOOST_TEST(streams.size() == 2u);
  BOOST_TEST(step(streams, start + seconds(5)).at(0).key.stream == 1u);
  BOOST_TEST(step(streams, start + seconds(5)).at(0).key.stream == 3u);
  BOOST_TEST(streams.take_expired().empty());
}

BOOST_AUTO_TEST_CASE(the_time_that_streams_waited_is_told) {
  batch streams(one_slot());
  const instant start{};
  BOOST_REQUIRE(streams.admit(key(1), asks(3, 1), start));
  (void)step(streams, start + seconds(3));
  BOOST_TEST(streams.load().queue_us_p99 == 3'000'000u);
}

BOOST_AUTO_TEST_CASE(a_long_prompt_lets_short_ones_pass_and_still_goes_on) {
  auto limits = one_slot();
  limits.sequences_max = 4;
  limits.step_tokens_max = 128;
  limits.prefix_cache = false;
  batch streams(limits);
  BOOST_REQUIRE(streams.admit(key(1), asks(500, 1)));
  BOOST_REQUIRE(streams.admit(key(2), asks(20, 1)));
  BOOST_REQUIRE(streams.admit(key(3), asks(30, 1)));
  auto tokens = step(streams);
  BOOST_TEST(tokens.size() == 2u);
  BOOST_TEST(streams.load().waiting_tokens == 500u - 64u);
}

}  // namespace
}  // namespace troupe::batch_turns_test
