#include "shards/engine/step_message.hpp"

#include <boost/test/unit_test.hpp>
#include <cstring>

namespace troupe {
namespace {

const step_plan example{
    .number = 1ULL << 40,
    .sequences = {{.first_position = 17, .tokens = {1, 2, 3}, .pages = {4, 5}, .wants_logits = 2, .wants_hidden = 3},
                  {.first_position = 0, .tokens = {9}, .pages = {7}, .wants_logits = 0}}};

BOOST_AUTO_TEST_CASE(a_plan_survives_the_trip) {
  const auto bytes = encode(example, std::chrono::milliseconds(1500));
  const auto message = decode_step_message(bytes);
  BOOST_REQUIRE(message.has_value());
  BOOST_TEST((message->plan == example));
  BOOST_TEST((message->deadline == std::chrono::milliseconds(1500)));
}

BOOST_AUTO_TEST_CASE(every_shortened_message_is_refused) {
  const auto bytes = encode(example, {});
  for (size_t length = 0; length < bytes.size(); ++length)
    BOOST_TEST(!decode_step_message(std::span(bytes).first(length)), length);
  auto longer = bytes;
  longer.push_back(std::byte{0});
  BOOST_TEST(!decode_step_message(longer));
}

BOOST_AUTO_TEST_CASE(counts_beyond_the_message_are_refused_before_memory_is_taken) {
  auto bytes = encode(example, {});
  // The numbers of sequences, and of the first sequence's tokens and pages.
  for (const size_t at : {16, 32, 36}) {
    auto damaged = bytes;
    const uint32_t huge = 0xffffffff;
    std::memcpy(&damaged[at], &huge, sizeof(huge));
    BOOST_TEST(!decode_step_message(damaged), at);
  }
}

}  // namespace
}  // namespace troupe
