#include "actors/group_leader/step_allowance.hpp"

#include <boost/test/unit_test.hpp>

namespace troupe {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

BOOST_AUTO_TEST_CASE(the_first_step_gets_thirty_times_the_floor) {
  BOOST_TEST((step_allowance(seconds(1)).of(1) == seconds(30)));
}

BOOST_AUTO_TEST_CASE(a_size_that_was_never_seen_goes_by_those_that_were) {
  step_allowance allowance(seconds(1));
  allowance.add(64, milliseconds(500));
  BOOST_TEST((allowance.of(127) == seconds(5)));   // the same class
  BOOST_TEST((allowance.of(1) == seconds(5)));     // less cannot take longer
  BOOST_TEST((allowance.of(256) == seconds(20)));  // four times as much
}

BOOST_AUTO_TEST_CASE(fast_steps_have_the_floor_and_slow_ones_ten_times_their_time) {
  step_allowance allowance(seconds(1));
  allowance.add(1, milliseconds(2));
  BOOST_TEST((allowance.of(1) == seconds(1)));
  allowance.add(1, milliseconds(300));
  BOOST_TEST((allowance.of(1) == seconds(3)));
}

BOOST_AUTO_TEST_CASE(a_slow_step_is_forgotten_over_some_hundred_faster_ones) {
  step_allowance allowance(milliseconds(10));
  allowance.add(8, milliseconds(500));
  allowance.add(8, milliseconds(10));
  BOOST_TEST((allowance.of(8) > seconds(4)));
  for (int i = 0; i < 500; ++i) allowance.add(8, milliseconds(10));
  BOOST_TEST((allowance.of(8) >= milliseconds(100)));
  BOOST_TEST((allowance.of(8) < milliseconds(120)));
}

BOOST_AUTO_TEST_CASE(nothing_is_allowed_more_than_a_day) {
  using std::chrono::hours;
  step_allowance allowance(seconds(1));
  allowance.add(1, seconds(2));
  BOOST_TEST((allowance.of(1U << 12) == 4096 * seconds(20)));
  BOOST_TEST((allowance.of(1U << 13) == hours(24)));  // 8192 times 20 s are more
  BOOST_TEST((allowance.of(~0U) == hours(24)));       // 2^31 times 20 s have no 64 bits in nanoseconds
  allowance.add(1, std::chrono::nanoseconds::max());
  BOOST_TEST((allowance.of(1) == hours(24)));
  BOOST_TEST((step_allowance(hours(1)).of(1) == hours(24)));   // not thirty of them
  BOOST_TEST((step_allowance(hours(30)).of(1) == hours(30)));  // the floor was somebody's wish
}

BOOST_AUTO_TEST_CASE(no_size_is_out_of_range) {
  step_allowance allowance(seconds(1));
  allowance.add(0, milliseconds(1));
  allowance.add(~0U, milliseconds(1));
  BOOST_TEST((allowance.of(1) == seconds(1)));
  BOOST_TEST((allowance.of(1U << 30) == seconds(1)));
}

}  // namespace
}  // namespace troupe
