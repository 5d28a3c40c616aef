#include "actors/runtime/orphan_watch.hpp"

#include <boost/test/unit_test.hpp>

namespace troupe {
namespace {

using namespace std::chrono_literals;

BOOST_AUTO_TEST_SUITE(watch_of_an_orphan)

BOOST_AUTO_TEST_CASE(it_looks_at_least_four_times_within_the_timeout) {
  BOOST_TEST((orphan_watch(15s).interval() == 500ms));
  BOOST_TEST((orphan_watch(2s).interval() == 500ms));
  BOOST_TEST((orphan_watch(100ms).interval() == 25ms));
}

BOOST_AUTO_TEST_CASE(nobody_is_an_orphan_before_more_looks_than_the_timeout_has) {
  orphan_watch watch(2s);
  for (int i = 0; i < 4; ++i) BOOST_TEST(!watch.look(false));
  BOOST_TEST((watch.alone() == 2s));
  BOOST_TEST(watch.look(false));
  BOOST_TEST((watch.alone() == 2500ms));
}

BOOST_AUTO_TEST_CASE(a_link_begins_it_anew) {
  orphan_watch watch(2s);
  for (int i = 0; i < 4; ++i) BOOST_TEST(!watch.look(false));
  BOOST_TEST(!watch.look(true));
  BOOST_TEST((watch.alone() == duration{}));
  for (int i = 0; i < 4; ++i) BOOST_TEST(!watch.look(false));
  BOOST_TEST(watch.look(false));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace troupe
