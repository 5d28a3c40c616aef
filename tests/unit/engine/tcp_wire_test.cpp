#include "shards/engine/tcp_wire.hpp"

#include <boost/test/unit_test.hpp>

namespace troupe::tcp {
namespace {

const hello example{.channel = channel::control,
                    .rank = 3,
                    .wanted = 1,
                    .group = {.generation = 0x0102030405060708, .floats_max = 99, .size = 4, .secret = {std::byte{5}}}};

BOOST_AUTO_TEST_CASE(greetings_and_frames_come_back_as_they_were) {
  BOOST_TEST((parse_hello(encode(example)).value() == example));
  const answer refusal{.rank = 2, .welcome = false, .text_bytes = 12};
  BOOST_TEST((parse_answer(encode(refusal)).value() == refusal));
  const frame_head head{.kind = frame_kind::all_gather, .number = UINT64_MAX, .size = 5, .payload_bytes = 20};
  BOOST_TEST((parse_frame(encode(head), channel::data, 5).value() == head));
  // The bytes themselves, for ranks on other machines.
  BOOST_TEST((encode(example)[32] == std::byte{8}));
  BOOST_TEST((encode(example)[39] == std::byte{1}));
}

BOOST_AUTO_TEST_CASE(a_hello_must_be_of_the_group_and_for_this_rank) {
  const identity group = example.group;
  BOOST_TEST(check_hello(example, 1, group).has_value());
  const auto refusal = [&](auto change) {
    hello other = example;
    change(other);
    const auto checked = check_hello(other, 1, group);
    BOOST_REQUIRE(!checked);
    BOOST_TEST((checked.err().code == errc::conflict));
    return checked.err().detail;
  };
  BOOST_TEST(refusal([](hello& h) { h.wanted = 2; }) == "this is rank 1, not rank 2");
  BOOST_TEST(refusal([](hello& h) { h.rank = 1; }) == "rank 1 has no business with rank 1 of 4");
  BOOST_TEST(refusal([](hello& h) { h.rank = 4; }) == "rank 4 has no business with rank 1 of 4");
  BOOST_TEST(refusal([](hello& h) { h.group.secret = {}; }) == "it does not know this group's secret");
  BOOST_TEST(refusal([](hello& h) { h.group.generation = 1; }).starts_with("rank 3 is of generation 1 "));
}

BOOST_AUTO_TEST_CASE(frames_longer_than_their_kind_allows_are_corrupt) {
  const auto refused = [](const frame_head& head, channel where) {
    const auto parsed = parse_frame(encode(head), where, 5000);
    BOOST_REQUIRE(!parsed);
    BOOST_TEST((parsed.err().code == errc::corrupt));
  };
  refused({.kind = frame_kind::all_reduce, .size = 5001, .payload_bytes = 4}, channel::data);
  refused({.kind = frame_kind::all_reduce, .size = 1, .payload_bytes = 5}, channel::data);
  refused({.kind = frame_kind::broadcast, .size = 65 << 20, .payload_bytes = 65 << 20}, channel::data);
  refused({.kind = frame_kind::broadcast, .size = 4, .payload_bytes = 5}, channel::data);
  refused({.kind = frame_kind::barrier, .payload_bytes = 1}, channel::data);
  refused({.kind = frame_kind::barrier}, channel::control);
  refused({.kind = frame_kind::abort, .payload_bytes = text_bytes_max + 1}, channel::control);
  refused({.kind = frame_kind::abort, .size = collective_ranks_max + 1}, channel::control);
  refused({.kind = frame_kind::goodbye, .payload_bytes = 1}, channel::control);
  refused({.kind = static_cast<frame_kind>(0)}, channel::data);
  refused({.kind = static_cast<frame_kind>(7)}, channel::control);
}

}  // namespace
}  // namespace troupe::tcp
