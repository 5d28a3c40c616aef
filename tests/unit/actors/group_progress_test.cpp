#include "actors/router/group_progress.hpp"

#include <boost/test/unit_test.hpp>

namespace troupe {
namespace {

using namespace std::chrono_literals;

group_load load(uint32_t running, uint64_t steps, std::chrono::microseconds step_p99 = 1ms) {
  group_load l;
  l.running = running;
  l.steps = steps;
  l.step_us_p99 = static_cast<uint32_t>(step_p99.count());
  return l;
}

BOOST_AUTO_TEST_SUITE(progress_of_a_group)

BOOST_AUTO_TEST_CASE(a_group_that_never_reported_does_not_get_on) {
  BOOST_TEST(!group_progress(1500ms).advances(instant{}));
}

BOOST_AUTO_TEST_CASE(a_group_at_rest_gets_on_as_long_as_it_reports) {
  group_progress progress(1500ms);
  instant now{1h};
  for (int i = 0; i < 50; ++i) progress.note(load(0, 0), now += 100ms);
  BOOST_TEST(progress.advances(now + 1499ms));
  BOOST_TEST(!progress.advances(now + 1500ms));
}

BOOST_AUTO_TEST_CASE(streams_without_a_step_are_no_progress) {
  group_progress progress(1500ms);
  instant now{1h};
  progress.note(load(1, 0), now);
  BOOST_TEST(!progress.advances(now));  // no step yet
  progress.note(load(1, 7), now);
  BOOST_TEST(progress.advances(now));
  progress.note(load(1, 7), now + 1400ms);
  BOOST_TEST(progress.advances(now + 1499ms));
  BOOST_TEST(!progress.advances(now + 1500ms));  // however lately it has reported
  progress.note(load(1, 8), now + 2s);
  BOOST_TEST(progress.advances(now + 2s));
}

BOOST_AUTO_TEST_CASE(streams_that_ended_leave_a_group_at_rest) {
  group_progress progress(1500ms);
  instant now{1h};
  progress.note(load(1, 7), now);
  progress.note(load(0, 7), now + 10s);
  BOOST_TEST(progress.advances(now + 10s));
}

BOOST_AUTO_TEST_CASE(slow_steps_have_ten_times_their_p99) {
  group_progress progress(1500ms);
  instant now{1h};
  progress.note(load(1, 7, 1s), now);
  BOOST_TEST(progress.advances(now + 9999ms));
  BOOST_TEST(!progress.advances(now + 10s));
  progress.note(load(1, 8, 1ms), now);
  BOOST_TEST(!progress.advances(now + 1500ms));  // never less than the patience, nor more for what was slow once
  progress.note(load(1, 9, std::chrono::microseconds(~0U)), now);
  BOOST_TEST(progress.advances(now + 11h));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace troupe
