// The threads of one rank. A tensor operation is cut into one share a thread, always the same ones, so that a thread
// finds in its caches what it read or wrote the last time; who is done with its own takes from the shares of others: on
// a busy machine a thread that sleeps holds nobody up, for the calling one takes part. The cut never changes a result,
// only who computes it.
//
// Two cores may be on chips that share no cache, where a line that one has written takes the other some hundred
// nanoseconds. So each thread has lines of its own, which others touch only to hand it work, to help it, and to see
// that it is done.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <thread>
#include <type_traits>
#include <vector>

#include "shards/engine/adaptive_spins.hpp"
#include "shards/engine/idle_work.hpp"

namespace troupe {

/// A function to call with a range [begin, end): a copy of it, so that who calls it reads nothing of the stack of who
/// made it.
class range_task {
 public:
  range_task() = default;
  template <class Function>
  explicit range_task(const Function& function)
      : call_(
            [](const void* object, size_t begin, size_t end) { (*static_cast<const Function*>(object))(begin, end); }) {
    static_assert(std::is_trivially_copyable_v<Function> && sizeof(Function) <= sizeof(object_));
    std::memcpy(object_, &function, sizeof(Function));
  }

  void operator()(size_t begin, size_t end) const { call_(object_, begin, end); }

 private:
  void (*call_)(const void*, size_t, size_t) = nullptr;
  alignas(8) std::byte object_[136];
};

/// Used from one thread at a time, never from inside a task. Its threads spin between tasks, as long as that
/// helps, and then sleep.
class worker_pool {
 public:
  struct range {
    uint32_t begin = 0, end = 0;
    uint32_t size() const { return end - begin; }
  };

  /// `threads` >= 1, the calling one included, which is number 0. `meanwhile`: what they do while they wait; may be
  /// null, else it outlives the pool.
  explicit worker_pool(uint32_t threads, idle_work* meanwhile = nullptr);
  ~worker_pool();
  worker_pool(const worker_pool&) = delete;
  worker_pool& operator=(const worker_pool&) = delete;

  /// The share of one of `threads` in [0, count).
  static constexpr range share_of(uint32_t count, uint32_t thread, uint32_t threads) {
    const auto bound = [&](uint64_t at) { return static_cast<uint32_t>((count * at + threads - 1) / threads); };
    return {bound(thread), bound(thread + 1)};
  }

  uint32_t threads() const { return static_cast<uint32_t>(workers_.size()) + 1; }

  /// Calls `function(begin, end)` for ranges that cover [0, count), and returns when all have ended.
  template <class Function>
  void run(size_t count, Function&& function) {
    if (count == 0) return;
    if (workers_.empty() || count == 1) {
      function(size_t{0}, count);
    } else {
      run_on_all(count, range_task(function));
    }
  }

 private:
  /// What one thread is given in a turn, and what others may take of it.
  struct alignas(64) share {
    /// (begin << 32) | end of what nobody has taken.
    std::atomic<uint64_t> left{0};
    /// Written before `left`, read by those who took something of it: until they are done there is no other.
    range_task task;
  };
  /// How many one thread has done in all turns together; written by it alone.
  struct alignas(64) tally {
    std::atomic<uint32_t> done{0};
  };

  void run_on_all(size_t count, const range_task& task);
  void work(uint32_t thread, adaptive_spins spins);
  bool wait_for_share(uint32_t thread, adaptive_spins& spins);
  void wait_for_others(uint32_t others);
  uint32_t take_part(uint32_t thread);
  uint32_t done_by_others() const;

  idle_work* const meanwhile_;
  /// The calling thread's; each worker has its own.
  adaptive_spins spins_;
  std::vector<share> shares_;
  std::vector<tally> tallies_;
  std::vector<std::thread> workers_;
  /// Raised for each turn; workers sleep until it changes.
  alignas(64) std::atomic<uint32_t> turn_{0};
  std::atomic<bool> ending_{false};
  /// Raised by workers that are done while the calling thread sleeps, until it changes.
  alignas(64) std::atomic<uint32_t> news_{0};
  std::atomic<bool> caller_sleeps_{false};
};

}  // namespace troupe
