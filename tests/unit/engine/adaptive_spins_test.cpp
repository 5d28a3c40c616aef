#include "shards/engine/adaptive_spins.hpp"

#include <algorithm>
#include <boost/test/unit_test.hpp>

namespace troupe {
namespace {

constexpr adaptive_spins::bounds usual{.worth = 100, .most = 1000, .without_cores = 10};

BOOST_AUTO_TEST_CASE(waits_that_end_in_sleep_halve_the_next) {
  adaptive_spins spins(1, usual);
  BOOST_TEST(spins.limit() == 1000u);
  spins.slept();
  BOOST_TEST(spins.limit() == 500u);
  for (int i = 0; i < 10; ++i) spins.slept();
  BOOST_TEST(spins.limit() == 100u);
}

BOOST_AUTO_TEST_CASE(the_limit_becomes_four_times_what_waits_take_that_end_in_time) {
  adaptive_spins spins(1, usual);
  for (int i = 0; i < 100; ++i) spins.found(40);
  BOOST_TEST(spins.limit() >= 150u);
  BOOST_TEST(spins.limit() <= 200u);
  // One that slept is forgotten when the next does not.
  spins.slept();
  spins.found(40);
  BOOST_TEST(spins.limit() >= 150u);
  for (int i = 0; i < 100; ++i) spins.found(900);
  BOOST_TEST(spins.limit() == 1000u);
  for (int i = 0; i < 100; ++i) spins.found(0);
  BOOST_TEST(spins.limit() == 100u);
}

BOOST_AUTO_TEST_CASE(the_longest_wait_is_tried_again_now_and_then) {
  adaptive_spins spins(1, usual);
  uint32_t longest = 0;
  for (int i = 0; i < 10; ++i) spins.slept();
  for (int i = 0; i < 64; ++i) {
    spins.slept();
    longest = std::max(longest, spins.limit());
  }
  BOOST_TEST(longest == 1000u);
}

BOOST_AUTO_TEST_CASE(more_workers_than_cores_do_not_spin_long) {
  adaptive_spins spins(1 << 20, usual);
  BOOST_TEST(spins.most() == 10u);
  spins.found(100);
  BOOST_TEST(spins.limit() == 10u);
}

}  // namespace
}  // namespace troupe
