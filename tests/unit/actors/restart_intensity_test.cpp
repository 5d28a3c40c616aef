#include "actors/runtime/restart_intensity.hpp"

#include <boost/test/unit_test.hpp>

namespace troupe {
namespace {

using namespace std::chrono_literals;

BOOST_AUTO_TEST_CASE(the_delay_doubles_and_the_number_is_bounded) {
  restart_intensity restarts({.restarts_max = 4, .period = 10s, .delay = 10ms, .delay_max = 30ms});
  instant now{};
  BOOST_TEST((restarts.restart(now) == duration(10ms)));
  BOOST_TEST((restarts.restart(now) == duration(20ms)));
  BOOST_TEST((restarts.restart(now) == duration(30ms)));
  BOOST_TEST((restarts.restart(now) == duration(30ms)));
  BOOST_TEST(!restarts.restart(now));
  BOOST_TEST((restarts.restart(now + 11s) == duration(10ms)));  // the period has passed
  BOOST_TEST(restarts.restarts_total() == 5u);
}

}  // namespace
}  // namespace troupe
