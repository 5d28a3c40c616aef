#include "actors/group_leader/page_pool.hpp"

#include <boost/test/unit_test.hpp>

// A namespace of its own: sources of one test program are compiled together.
namespace troupe::page_pool_test {
namespace {

void check(const page_pool& pool, uint32_t free, uint32_t used, uint32_t kept) {
  BOOST_TEST(pool.free_pages() == free);
  BOOST_TEST(pool.used_pages() == used);
  BOOST_TEST(pool.kept_pages() == kept);
  BOOST_TEST(pool.conserved());
}

BOOST_AUTO_TEST_CASE(a_page_is_free_when_its_last_user_has_gone) {
  page_pool pool(3);
  uint32_t page = pool.take();
  pool.share(page);
  check(pool, 2, 1, 0);
  BOOST_TEST(!pool.give_back(page));
  check(pool, 2, 1, 0);
  BOOST_TEST(pool.give_back(page));
  check(pool, 3, 0, 0);
}

BOOST_AUTO_TEST_CASE(a_kept_page_stays_until_it_is_not_kept) {
  page_pool pool(2);
  uint32_t page = pool.take();
  pool.set_kept(page, true);
  BOOST_TEST(pool.give_back(page));
  check(pool, 1, 0, 1);
  pool.share(page);
  check(pool, 1, 1, 0);
  pool.set_kept(page, false);
  check(pool, 1, 1, 0);
  BOOST_TEST(pool.give_back(page));
  check(pool, 2, 0, 0);
  page = pool.take();
  pool.set_kept(page, true);
  pool.give_back(page);
  pool.set_kept(page, false);
  check(pool, 2, 0, 0);
}

BOOST_AUTO_TEST_CASE(low_numbers_are_used_first) {
  page_pool pool(3);
  BOOST_TEST(pool.take() == 0u);
  BOOST_TEST(pool.take() == 1u);
  BOOST_TEST(pool.take() == 2u);
}

}  // namespace
}  // namespace troupe::page_pool_test
