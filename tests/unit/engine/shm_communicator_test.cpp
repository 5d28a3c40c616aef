// What only the communicator of one host promises; the rest is in communicator_test.cpp.
#include "shards/engine/shm_communicator.hpp"

#include <boost/test/unit_test.hpp>
#include <thread>

#include "tests/unit/engine/group_place.hpp"

namespace troupe {
namespace {

using test::group_place;
using test::shared_memory;
using test::transport;

constexpr duration patient = std::chrono::minutes(1);
const system_clock real_time;

BOOST_AUTO_TEST_CASE(strangers_are_refused_and_the_group_goes_on) {
  const group_place place(transport::shm, 2, 64);
  result<void> outcome = error{errc::internal, "never run"};
  std::thread other([&] {
    const auto group = place.join(1, real_time);
    outcome = group ? (*group)->barrier() : result<void>(group.err());
  });
  const auto group = place.join(0, real_time);
  BOOST_REQUIRE(group.has_value());
  const auto refusal = [&](uint32_t rank, size_t floats_max, uint64_t generation) {
    auto stranger = shm_communicator::open(
        {.rank = rank, .size = 2, .floats_max = floats_max, .generation = generation, .fd = place.memory().fd()},
        real_time);
    const auto met = (*stranger)->meet(patient);
    BOOST_REQUIRE(!met);
    BOOST_TEST((met.err().code == errc::conflict));
    return met.err().detail;
  };
  BOOST_TEST(refusal(1, 64, 4) ==
             "rank 1 is of generation 4 (2 ranks, 64 floats) but this memory is of generation 3 (2 ranks, 64 floats)");
  BOOST_TEST(refusal(1, 32, 3).find("32 floats") != std::string::npos);
  BOOST_TEST(refusal(1, 64, 3) == "rank 1 has joined this group before");
  (*group)->set_deadline(patient);
  BOOST_TEST((*group)->barrier().has_value());
  other.join();
  BOOST_TEST(outcome.has_value());
}

BOOST_AUTO_TEST_CASE(memory_that_is_none_or_too_small_is_refused) {
  const shared_memory memory(4096);
  const auto small =
      shm_communicator::open({.rank = 0, .size = 2, .floats_max = 64, .generation = 1, .fd = memory.fd()}, real_time);
  BOOST_REQUIRE(!small);
  BOOST_TEST(small.err().detail.starts_with("the group's memory has 4096 bytes; this group needs "));
  const auto none =
      shm_communicator::open({.rank = 0, .size = 2, .floats_max = 64, .generation = 1, .fd = -1}, real_time);
  BOOST_REQUIRE(!none);
  BOOST_TEST((none.err().code == errc::io_failed));
  BOOST_TEST(!shm_communicator_bytes(3, 64));
  BOOST_TEST((shm_communicator_bytes(2, SIZE_MAX / 2).err().code == errc::out_of_memory));
}

}  // namespace
}  // namespace troupe
