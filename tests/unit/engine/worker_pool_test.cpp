#include "shards/engine/worker_pool.hpp"

#include <atomic>
#include <boost/test/unit_test.hpp>
#include <numeric>

namespace troupe {
namespace {

BOOST_AUTO_TEST_CASE(every_index_is_visited_once_whatever_the_numbers) {
  for (const uint32_t threads : {1, 2, 3, 5}) {
    worker_pool pool(threads);
    BOOST_TEST(pool.threads() == threads);
    for (int round = 0; round < 25; ++round) {
      for (const size_t count : {0, 1, 2, 4, 7, 64}) {
        std::vector<int> visits(count);
        pool.run(count, [&](size_t begin, size_t end) {
          for (size_t i = begin; i < end; ++i) ++visits[i];
        });
        BOOST_REQUIRE(std::accumulate(visits.begin(), visits.end(), 0) == static_cast<int>(count));
        for (const int times : visits) BOOST_REQUIRE(times == 1);
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(ranges_become_smaller_towards_the_end) {
  uint32_t left = 192, last = 192;
  std::vector<uint32_t> sizes;
  for (; left > 0; left -= sizes.back()) {
    sizes.push_back(worker_pool::range_size(left, 2));
    BOOST_REQUIRE(sizes.back() <= last);
    last = sizes.back();
  }
  BOOST_TEST(sizes.front() == 48u);
  BOOST_TEST(sizes.back() == 1u);
  BOOST_TEST(sizes.size() < 24u);
}

BOOST_AUTO_TEST_CASE(who_waits_does_what_there_is_to_do_meanwhile) {
  struct counted final : idle_work {
    bool some(uint32_t thread) override {
      if (thread == 1) ++calls;
      return false;
    }
    std::atomic<int> calls{0};
  } meanwhile;
  worker_pool pool(2, &meanwhile);
  while (meanwhile.calls == 0) pool.run(2, [](size_t, size_t) {});
}

}  // namespace
}  // namespace troupe
