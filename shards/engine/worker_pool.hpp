// The threads of one rank. A tensor operation is cut into contiguous ranges, and whoever is free takes the next: on a
// busy machine a thread that sleeps holds nobody up, for the calling one takes part. The cut never changes a result,
// only who computes it.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <thread>
#include <vector>

#include "shards/engine/adaptive_spins.hpp"
#include "shards/engine/idle_work.hpp"

namespace troupe {

/// Something to call with a range [begin, end); refers to it without owning it.
class range_task {
 public:
  template <class Function>
  explicit range_task(Function& function)
      : object_(&function),
        call_([](void* object, size_t begin, size_t end) { (*static_cast<Function*>(object))(begin, end); }) {}

  void operator()(size_t begin, size_t end) const { call_(object_, begin, end); }

 private:
  void* object_;
  void (*call_)(void*, size_t, size_t);
};

/// Used from one thread at a time, never from inside a task. Its threads spin between tasks, as long as that
/// helps, and then sleep.
class worker_pool {
 public:
  /// `threads` >= 1, the calling one included, which is number 0. `meanwhile`: what they do while they wait; may be
  /// null, else it outlives the pool.
  explicit worker_pool(uint32_t threads, idle_work* meanwhile = nullptr);
  ~worker_pool();
  worker_pool(const worker_pool&) = delete;
  worker_pool& operator=(const worker_pool&) = delete;

  /// How many the next range has, of `left`: large ones first, which are read in one go, and at the end small ones, so
  /// that all threads are done at about the same time.
  static constexpr uint32_t range_size(uint32_t left, uint32_t threads) { return std::max(left / (2 * threads), 1U); }

  uint32_t threads() const { return static_cast<uint32_t>(workers_.size()) + 1; }

  /// Calls `function(begin, end)` for ranges that cover [0, count), and returns when all have ended.
  template <class Function>
  void run(size_t count, Function&& function) {
    if (count == 0) return;
    if (workers_.empty() || count == 1) {
      function(size_t{0}, count);
    } else {
      const range_task task(function);
      run_on_all(count, task);
    }
  }

 private:
  void run_on_all(size_t count, const range_task& task);
  void work(uint32_t thread, adaptive_spins spins);
  void wait_for_change(const std::atomic<uint32_t>& word, uint32_t old, uint32_t thread, adaptive_spins& spins);
  bool take_range();

  idle_work* const meanwhile_;
  /// The calling thread's; each worker has its own.
  adaptive_spins spins_;
  std::vector<std::thread> workers_;
  // Written before a turn begins, read by those who took a range of it; the turn ends when all of it is done.
  const range_task* task_ = nullptr;
  /// How much of the turn's is taken: (taken << 32) | all.
  std::atomic<uint64_t> taken_{0};
  std::atomic<uint32_t> done_{0};
  /// Raised for each turn; the workers sleep until it changes.
  std::atomic<uint32_t> turn_{0};
  std::atomic<bool> ending_{false};
};

}  // namespace troupe
