#include "actors/membership/silence_detector.hpp"

#include <boost/test/unit_test.hpp>

namespace troupe {
namespace {

using namespace std::chrono_literals;

BOOST_AUTO_TEST_CASE(a_silence_is_told_once_until_it_is_broken) {
  silence_detector detector(200ms, 1500ms);
  instant start{};
  int told = 0;
  for (auto now = start; now <= start + 4s; now += 200ms)
    told += static_cast<int>(detector.check(now, {{"a", 1, start}}).size());
  BOOST_TEST(told == 1);
  auto heard = start + 4s;
  for (auto now = heard; now <= heard + 1s; now += 200ms) BOOST_TEST(detector.check(now, {{"a", 1, heard}}).empty());
}

BOOST_AUTO_TEST_CASE(its_own_pause_is_not_held_against_the_others) {
  silence_detector detector(200ms, 1500ms);
  instant start{};
  (void)detector.check(start, {{"a", 1, start}});
  (void)detector.check(start + 200ms, {{"a", 1, start}});
  BOOST_TEST(detector.check(start + 5s, {{"a", 1, start}}).empty());  // it was stopped for 4.8 s
  int told = 0;
  for (auto now = start + 5200ms; now <= start + 7s; now += 200ms) {
    told += static_cast<int>(detector.check(now, {{"a", 1, start}}).size());
  }
  BOOST_TEST(told == 1);  // but real silence is seen all the same
}

BOOST_AUTO_TEST_CASE(a_new_incarnation_begins_anew) {
  silence_detector detector(200ms, 500ms);
  instant start{};
  (void)detector.check(start, {{"a", 1, start}});
  (void)detector.check(start + 300ms, {{"a", 1, start}});
  BOOST_TEST(detector.check(start + 600ms, {{"a", 2, start + 400ms}}).empty());
}

}  // namespace
}  // namespace troupe
