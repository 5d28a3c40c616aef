// A machine's clock that drifts.
#include "simulations/world/machine_clock.hpp"

#include <boost/test/unit_test.hpp>
#include <random>

namespace troupe::simulation {
namespace {

BOOST_AUTO_TEST_CASE(a_clock_that_does_not_drift_shows_the_worlds_time) {
  const machine_clock clock;
  BOOST_TEST((clock.shows(duration(12'345)) == duration(12'345)));
  BOOST_TEST((clock.reaches(duration(12'345)) == duration(12'345)));
}

BOOST_AUTO_TEST_CASE(a_fast_clock_shows_more_and_a_slow_one_less) {
  using std::chrono::microseconds;
  using std::chrono::seconds;
  BOOST_TEST((machine_clock{.drift_ppm = 500}.shows(seconds(10)) == seconds(10) + microseconds(5000)));
  BOOST_TEST((machine_clock{.drift_ppm = -50}.shows(seconds(10)) == seconds(10) - microseconds(500)));
}

BOOST_AUTO_TEST_CASE(a_timer_rings_at_the_first_moment_at_which_its_time_is_shown) {
  std::minstd_rand random(1);
  for (const int64_t ppm : {-500, -7, 0, 3, 500}) {
    const machine_clock clock{.drift_ppm = ppm};
    for (int i = 0; i < 1000; ++i) {
      const duration shown(static_cast<int64_t>(random()) * static_cast<int64_t>(random() % 10'000));
      const duration at = clock.reaches(shown);
      BOOST_REQUIRE(clock.shows(at) >= shown);
      BOOST_REQUIRE(clock.shows(at - duration(1)) < shown);
    }
  }
}

}  // namespace
}  // namespace troupe::simulation
