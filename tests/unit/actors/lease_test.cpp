#include "actors/controller/lease.hpp"

#include <boost/test/unit_test.hpp>

#include "tests/support/memory_store.hpp"

namespace troupe {
namespace {

using namespace std::chrono_literals;

BOOST_AUTO_TEST_CASE(the_first_takes_it_and_the_second_waits_a_whole_term_of_silence) {
  memory_store entries;
  lease a(entries, "l", "a", 3s), b(entries, "l", "b", 3s);
  instant now{};
  BOOST_TEST(*a.keep(now));
  BOOST_TEST(!*b.keep(now));
  now += 2s;
  BOOST_TEST(*a.keep(now));   // renewed
  BOOST_TEST(!*b.keep(now));  // a new revision: the term begins anew
  now += 3s;
  BOOST_TEST(!*b.keep(now));
  now += 1s;
  BOOST_TEST(*b.keep(now));
  BOOST_TEST(!*a.keep(now));  // it comes back too late: its write is refused
  BOOST_TEST(!a.held());
}

BOOST_AUTO_TEST_CASE(a_restarted_node_takes_its_own_lease_at_once) {
  memory_store entries;
  lease before(entries, "l", "a", 3s);
  BOOST_TEST(*before.keep(instant{}));
  lease after(entries, "l", "a", 3s);
  BOOST_TEST(*after.keep(instant{}));
  BOOST_TEST(after.revision() > before.revision());
}

}  // namespace
}  // namespace troupe
