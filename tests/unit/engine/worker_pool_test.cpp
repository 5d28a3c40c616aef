#include "shards/engine/worker_pool.hpp"

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

}  // namespace
}  // namespace troupe
