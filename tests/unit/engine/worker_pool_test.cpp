#include "shards/engine/worker_pool.hpp"

#include <unistd.h>

#include <atomic>
#include <boost/test/unit_test.hpp>
#include <chrono>
#include <fstream>
#include <numeric>
#include <string>
#include <thread>

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

BOOST_AUTO_TEST_CASE(shares_lie_side_by_side_and_cover_everything) {
  for (const uint32_t threads : {1U, 2U, 3U, 7U}) {
    for (const uint32_t count : {0U, 1U, 6U, 24U, 1000U, UINT32_MAX}) {
      uint32_t at = 0;
      for (uint32_t thread = 0; thread < threads; ++thread) {
        const worker_pool::range share = worker_pool::share_of(count, thread, threads);
        BOOST_REQUIRE(share.begin == at);
        BOOST_REQUIRE(share.size() <= uint64_t{count} / threads + 1);
        at = share.end;
      }
      BOOST_REQUIRE(at == count);
    }
  }
}

BOOST_AUTO_TEST_CASE(who_is_done_does_what_others_have_left) {
  worker_pool pool(2);
  for (int round = 0; round < 100; ++round) {
    // One thread stops in its first range until all else is done.
    std::atomic<uint32_t> left{64};
    std::atomic<bool> stopped{false};
    pool.run(64, [&](size_t begin, size_t end) {
      const auto size = static_cast<uint32_t>(end - begin);
      const bool stops = !stopped.exchange(true);
      if (stops)
        while (left.load() != size) std::this_thread::yield();
      left.fetch_sub(size);
    });
    BOOST_REQUIRE(left.load() == 0u);
  }
}

/// Of a thread of this process: whether it sleeps, as proc(5) says.
bool is_asleep(pid_t thread) {
  std::ifstream file("/proc/self/task/" + std::to_string(thread) + "/stat");
  std::string text;
  std::getline(file, text);
  const size_t name_ends = text.rfind(')');
  return name_ends != std::string::npos && text.compare(name_ends, 3, ") S") == 0;
}

/// False: not within half a minute.
template <class What>
bool comes_true(const What& what) {
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (!what() && std::chrono::steady_clock::now() < until) std::this_thread::yield();
  return what();
}

BOOST_AUTO_TEST_CASE(threads_that_have_slept_are_there_again) {
  worker_pool pool(2);
  const pid_t caller = gettid();
  std::atomic<pid_t> worker{0};
  for (int round = 0; round < 20; ++round) {
    if (worker != 0) BOOST_REQUIRE(comes_true([&] { return is_asleep(worker); }));
    std::atomic<bool> worker_is_there{false}, caller_slept{false};
    pool.run(2, [&](size_t, size_t) {
      if (gettid() == caller) {
        // Else it would take the other's share too.
        comes_true([&] { return worker_is_there.load(); });
      } else {
        worker = gettid();
        worker_is_there = true;
        caller_slept = comes_true([&] { return is_asleep(caller); });
      }
    });
    BOOST_REQUIRE(worker_is_there);
    BOOST_REQUIRE(caller_slept);
  }
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
