#include "actors/group_leader/batch.hpp"

#include <boost/test/unit_test.hpp>
#include <random>
#include <set>

#include "tests/unit/actors/batch_support.hpp"

namespace troupe {
namespace {

using test::key;

generate asks(size_t prompt_tokens, uint32_t tokens_max) {
  generate g;
  g.prompt.assign(prompt_tokens, 5);
  g.tokens_max = tokens_max;
  g.eos = {2};
  return g;
}

// What the device would answer: the same token for every stream that samples.
step_result answer(const step_request& request, token_id id = 7) {
  step_result result;
  result.number = request.plan.number;
  result.sampled.assign(request.sampling.size(), sampled_token{id, 0, {}});
  return result;
}

BOOST_AUTO_TEST_CASE(a_stream_is_prefilled_then_decoded_until_its_length) {
  batch streams(test::small_batch());
  BOOST_REQUIRE(streams.admit(key(1), asks(40, 3)));
  auto first = streams.plan();
  BOOST_REQUIRE(first.has_value());
  BOOST_TEST(first->plan.sequences.at(0).tokens.size() == 32u);  // a chunk as large as the step
  BOOST_TEST(!first->plan.sequences.at(0).wants_logits);
  BOOST_TEST(!streams.plan());  // one step at a time
  BOOST_TEST(streams.apply(answer(*first)).empty());
  auto second = streams.plan();
  BOOST_TEST(second->plan.sequences.at(0).first_position == 32u);
  BOOST_TEST(second->plan.sequences.at(0).tokens.size() == 8u);
  auto tokens = streams.apply(answer(*second));
  BOOST_REQUIRE(tokens.size() == 1u);
  BOOST_TEST(tokens[0].token.index == 0u);
  tokens = streams.apply(answer(*streams.plan()));
  BOOST_TEST(tokens[0].token.index == 1u);
  BOOST_TEST((tokens[0].token.finish == finish_reason::none));
  tokens = streams.apply(answer(*streams.plan()));
  BOOST_TEST((tokens[0].token.finish == finish_reason::length));
  BOOST_TEST(!streams.plan());
  BOOST_TEST(streams.pages().used_pages() == 0u);
}

BOOST_AUTO_TEST_CASE(committed_tokens_are_prefilled_and_counted) {
  batch streams(test::small_batch());
  auto g = asks(4, 5);
  g.committed = {9, 8, 7};
  BOOST_REQUIRE(streams.admit(key(1), g));
  auto step = streams.plan();
  BOOST_TEST((step->plan.sequences.at(0).tokens == std::vector<token_id>{5, 5, 5, 5, 9, 8, 7}));
  auto tokens = streams.apply(answer(*step));
  BOOST_TEST(tokens.at(0).token.index == 3u);
}

BOOST_AUTO_TEST_CASE(the_end_token_ends_a_stream_unless_it_is_to_be_ignored) {
  batch streams(test::small_batch());
  BOOST_REQUIRE(streams.admit(key(1), asks(4, 9)));
  auto ignoring = asks(4, 9);
  ignoring.sampling.ignore_eos = true;
  BOOST_REQUIRE(streams.admit(key(2), ignoring));
  auto tokens = streams.apply(answer(*streams.plan(), 2));
  BOOST_TEST((tokens.at(0).token.finish == finish_reason::stop));
  BOOST_TEST((tokens.at(1).token.finish == finish_reason::none));
}

BOOST_AUTO_TEST_CASE(refuses_what_cannot_be_and_what_is_too_much) {
  batch streams(test::small_batch());
  auto code = [&](stream_id id, generate g) { return streams.admit(key(id), std::move(g)).err().code; };
  BOOST_TEST((code(1, asks(0, 3)) == errc::invalid_argument));
  BOOST_TEST((code(1, asks(3, 0)) == errc::invalid_argument));
  BOOST_TEST((code(1, asks(200, 57)) == errc::context_length_exceeded));
  auto strange = asks(3, 3);
  strange.prompt[1] = 100;
  BOOST_TEST((code(1, strange) == errc::invalid_argument));
  BOOST_REQUIRE(streams.admit(key(1), asks(3, 3)));
  BOOST_TEST((code(1, asks(3, 3)) == errc::invalid_argument));
  BOOST_REQUIRE(streams.admit(key(2), asks(3, 3)));
  BOOST_REQUIRE(streams.admit(key(3), asks(3, 3)));
  BOOST_TEST((code(4, asks(3, 3)) == errc::overloaded));
  auto tight = test::small_batch();
  tight.kv_pages = 2;
  batch little(tight);
  BOOST_TEST((little.admit(key(1), asks(30, 10)).err().code == errc::out_of_memory));
}

BOOST_AUTO_TEST_CASE(a_cancelled_stream_gives_its_pages_back_when_its_step_has_ended) {
  batch streams(test::small_batch());
  BOOST_REQUIRE(streams.admit(key(1), asks(20, 5)));
  auto step = streams.plan();
  BOOST_TEST(streams.cancel(key(1)));
  BOOST_TEST(!streams.cancel(key(1)));
  BOOST_TEST(streams.pages().used_pages() > 0u);  // the device may still write there
  BOOST_TEST(streams.apply(answer(*step)).empty());
  BOOST_TEST(streams.pages().used_pages() == 0u);
}

BOOST_AUTO_TEST_CASE(a_stream_that_comes_again_during_its_old_step_gets_nothing_of_it) {
  batch streams(test::small_batch());
  BOOST_REQUIRE(streams.admit(key(1), asks(20, 5)));
  auto old_step = streams.plan();
  BOOST_TEST(streams.cancel(key(1)));
  BOOST_REQUIRE(streams.admit(key(1), asks(20, 5)));
  BOOST_TEST(streams.apply(answer(*old_step)).empty());
  auto step = streams.plan();
  BOOST_TEST(step->plan.sequences.at(0).first_position == 0u);
  BOOST_TEST(step->plan.sequences.at(0).tokens.size() == 20u);
  BOOST_TEST(streams.apply(answer(*step)).at(0).token.index == 0u);
}

BOOST_AUTO_TEST_CASE(a_gateway_incarnation_that_is_gone_takes_its_own_streams_along) {
  batch streams(test::small_batch());
  BOOST_REQUIRE(streams.admit({"a", 1, 1}, asks(3, 3)));
  BOOST_REQUIRE(streams.admit({"a", 2, 1}, asks(3, 3)));
  BOOST_TEST(streams.cancel_all("a", 1) == 1u);
  BOOST_TEST(streams.size() == 1u);
}

BOOST_AUTO_TEST_CASE(streams_that_decode_go_before_prompts) {
  batch streams(test::small_batch());
  BOOST_REQUIRE(streams.admit(key(1), asks(3, 9)));
  (void)streams.apply(answer(*streams.plan()));
  BOOST_REQUIRE(streams.admit(key(2), asks(60, 9)));
  auto step = streams.plan();
  BOOST_REQUIRE(step->plan.sequences.size() == 2u);
  BOOST_TEST(step->plan.sequences[0].tokens.size() == 1u);
  BOOST_TEST(step->plan.sequences[1].tokens.size() == 31u);
}

}  // namespace
}  // namespace troupe
