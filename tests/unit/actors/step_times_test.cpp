// Percentiles of the last steps.
#include "actors/group_leader/step_times.hpp"

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <deque>
#include <limits>
#include <random>
#include <vector>

namespace troupe {
namespace {

using namespace std::chrono_literals;

BOOST_AUTO_TEST_CASE(before_the_first_step_there_is_none) {
  const step_times times;
  BOOST_TEST(times.percentile_us(0.5) == 0U);
}

BOOST_AUTO_TEST_CASE(they_are_those_of_the_last_256) {
  std::mt19937 random(1);
  step_times times;
  std::deque<uint32_t> last;
  for (int i = 0; i < 2000; ++i) {
    // Few values, so that many are the same.
    const auto us = static_cast<uint32_t>(random() % (i % 2 == 0 ? 10 : 100'000));
    times.add(std::chrono::microseconds(us) + 999ns);
    last.push_back(us);
    if (last.size() > 256) last.pop_front();
    std::vector<uint32_t> sorted(last.begin(), last.end());
    std::ranges::sort(sorted);
    for (const double share : {0.0, 0.5, 0.99, 1.0})
      BOOST_REQUIRE_EQUAL(times.percentile_us(share),
                          sorted[static_cast<size_t>(share * static_cast<double>(sorted.size() - 1))]);
  }
}

BOOST_AUTO_TEST_CASE(what_no_number_holds_is_the_nearest_that_does) {
  step_times times;
  times.add(-1s);
  BOOST_TEST(times.percentile_us(1) == 0U);
  times.add(std::chrono::hours(10'000));
  BOOST_TEST(times.percentile_us(1) == std::numeric_limits<uint32_t>::max());
}

}  // namespace
}  // namespace troupe
