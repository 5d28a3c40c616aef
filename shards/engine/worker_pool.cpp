#include "shards/engine/worker_pool.hpp"

#include <algorithm>

#include "shards/engine/spin_pause.hpp"

namespace troupe {
namespace {

/// Operations of one step follow each other within microseconds, steps within some tens of them.
constexpr uint32_t spins_with_cores = 4000;
constexpr uint32_t spins_least = 100;
/// More than one, so that a thread that comes late still finds something to do.
constexpr size_t ranges_per_thread = 4;

/// Waits until `word` is not `old`.
void wait_for_change(const std::atomic<uint32_t>& word, uint32_t old, adaptive_spins& spins) {
  for (uint32_t i = 0; i < spins.limit(); ++i) {
    if (word.load(std::memory_order_acquire) != old) return spins.found(i);
    spin_pause();
  }
  spins.slept();
  word.wait(old, std::memory_order_acquire);
}

}  // namespace

worker_pool::worker_pool(uint32_t threads) : spins_(threads, spins_with_cores, spins_least) {
  for (uint32_t i = 1; i < threads; ++i) workers_.emplace_back([this, spins = spins_] { work(spins); });
}

worker_pool::~worker_pool() {
  ending_.store(true, std::memory_order_relaxed);
  turn_.fetch_add(1, std::memory_order_release);
  turn_.notify_all();
  for (std::thread& worker : workers_) worker.join();
}

void worker_pool::run_on_all(size_t count, const range_task& task) {
  const auto ranges = static_cast<uint32_t>(std::min(count, ranges_per_thread * threads()));
  task_ = &task;
  count_ = count;
  done_.store(0, std::memory_order_relaxed);
  ranges_.store(ranges, std::memory_order_release);
  turn_.fetch_add(1, std::memory_order_release);
  turn_.notify_all();
  while (take_range()) {
  }
  // All are taken; those of others may still run.
  for (uint32_t done = done_.load(std::memory_order_acquire); done != ranges;
       done = done_.load(std::memory_order_acquire))
    wait_for_change(done_, done, spins_);
}

/// Does one range of the turn; false when none is left. A thread that comes from an earlier turn finds none, or takes
/// part in this one: either is right, for what it reads of the turn it reads after it has taken a range of it.
bool worker_pool::take_range() {
  uint64_t state = ranges_.load(std::memory_order_acquire);
  do {
    if ((state >> 32) >= (state & 0xffffffff)) return false;
  } while (!ranges_.compare_exchange_weak(state, state + (uint64_t{1} << 32), std::memory_order_acq_rel,
                                          std::memory_order_acquire));
  const uint64_t index = state >> 32;
  const uint64_t ranges = state & 0xffffffff;
  (*task_)(count_ * index / ranges, count_ * (index + 1) / ranges);
  if (done_.fetch_add(1, std::memory_order_acq_rel) + 1 == ranges) done_.notify_all();
  return true;
}

void worker_pool::work(adaptive_spins spins) {
  uint32_t seen = 0;
  for (;;) {
    wait_for_change(turn_, seen, spins);
    seen = turn_.load(std::memory_order_acquire);
    if (ending_.load(std::memory_order_relaxed)) return;
    while (take_range()) {
    }
  }
}

}  // namespace troupe
