#include "shards/engine/worker_pool.hpp"

#include "base/check.hpp"

namespace troupe {
namespace {

/// Operations of one step follow each other within microseconds, steps within some tens of them.
constexpr adaptive_spins::bounds spin_limits{.worth = 1000, .most = 4000, .without_cores = 100};

}  // namespace

worker_pool::worker_pool(uint32_t threads, idle_work* meanwhile) : meanwhile_(meanwhile), spins_(threads, spin_limits) {
  for (uint32_t i = 1; i < threads; ++i) workers_.emplace_back([this, i, spins = spins_] { work(i, spins); });
}

worker_pool::~worker_pool() {
  ending_.store(true, std::memory_order_relaxed);
  turn_.fetch_add(1, std::memory_order_release);
  turn_.notify_all();
  for (std::thread& worker : workers_) worker.join();
}

void worker_pool::run_on_all(size_t count, const range_task& task) {
  TROUPE_CHECK(count <= UINT32_MAX);
  const auto all = static_cast<uint32_t>(count);
  task_ = &task;
  done_.store(0, std::memory_order_relaxed);
  taken_.store(all, std::memory_order_release);
  turn_.fetch_add(1, std::memory_order_release);
  turn_.notify_all();
  while (take_range()) {
  }
  // All is taken; what others have taken may not be done.
  for (uint32_t done = done_.load(std::memory_order_acquire); done != all; done = done_.load(std::memory_order_acquire))
    wait_for_change(done_, done, 0, spins_);
}

/// Does one range of the turn; false when none is left. A thread that comes from an earlier turn finds none, or takes
/// part in this one: either is right, for what it reads of the turn it reads after it has taken a range of it.
bool worker_pool::take_range() {
  uint64_t state = taken_.load(std::memory_order_acquire);
  uint32_t begin = 0, size = 0, all = 0;
  do {
    begin = static_cast<uint32_t>(state >> 32);
    all = static_cast<uint32_t>(state);
    if (begin >= all) return false;
    size = range_size(all - begin, threads());
  } while (!taken_.compare_exchange_weak(state, state + (uint64_t{size} << 32), std::memory_order_acq_rel,
                                         std::memory_order_acquire));
  (*task_)(begin, begin + size);
  if (done_.fetch_add(size, std::memory_order_acq_rel) + size == all) done_.notify_all();
  return true;
}

/// Waits until `word` is not `old`.
void worker_pool::wait_for_change(const std::atomic<uint32_t>& word, uint32_t old, uint32_t thread,
                                  adaptive_spins& spins) {
  idle_wait wait(meanwhile_, thread);
  for (uint32_t i = 0; i < spins.limit(); ++i) {
    if (word.load(std::memory_order_acquire) != old) return spins.found(i);
    wait.turn();
  }
  spins.slept();
  word.wait(old, std::memory_order_acquire);
}

void worker_pool::work(uint32_t thread, adaptive_spins spins) {
  uint32_t seen = 0;
  for (;;) {
    wait_for_change(turn_, seen, thread, spins);
    seen = turn_.load(std::memory_order_acquire);
    if (ending_.load(std::memory_order_relaxed)) return;
    while (take_range()) {
    }
  }
}

}  // namespace troupe
