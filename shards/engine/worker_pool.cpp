#include "shards/engine/worker_pool.hpp"

#include "base/check.hpp"

namespace troupe {
namespace {

/// Operations of one step follow each other within microseconds, steps within some tens of them.
constexpr adaptive_spins::bounds spin_limits{.worth = 1000, .most = 4000, .without_cores = 100};

constexpr uint64_t word_of(worker_pool::range range) { return uint64_t{range.begin} << 32 | range.end; }
constexpr worker_pool::range range_of(uint64_t word) {
  return {static_cast<uint32_t>(word >> 32), static_cast<uint32_t>(word)};
}
constexpr uint32_t part_of(uint32_t size, uint32_t parts) { return (size + parts - 1) / parts; }

/// What is taken of a range, and what stays.
struct cut_range {
  worker_pool::range taken, left;
};

/// A thread takes of its own share from the front, little by little: the rest is there for others.
cut_range cut_front(worker_pool::range whole) {
  const uint32_t at = whole.begin + part_of(whole.size(), 4);
  return {{whole.begin, at}, {at, whole.end}};
}

/// Of another's, from the end, half of it.
cut_range cut_back(worker_pool::range whole) {
  const uint32_t at = whole.end - part_of(whole.size(), 2);
  return {{at, whole.end}, {whole.begin, at}};
}

/// Empty: there is nothing left.
template <cut_range (*Cut)(worker_pool::range)>
worker_pool::range take(std::atomic<uint64_t>& left) {
  uint64_t word = left.load(std::memory_order_acquire);
  cut_range parts;
  do {
    parts = Cut(range_of(word));
    if (parts.taken.size() == 0) break;
  } while (
      !left.compare_exchange_weak(word, word_of(parts.left), std::memory_order_acq_rel, std::memory_order_acquire));
  return parts.taken;
}

}  // namespace

worker_pool::worker_pool(uint32_t threads, idle_work* meanwhile)
    : meanwhile_(meanwhile), spins_(threads, spin_limits), shares_(threads), tallies_(threads) {
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
  const uint32_t before = done_by_others();
  for (uint32_t thread = threads(); thread-- > 0;) {
    share& its = shares_[thread];
    its.task = task;
    its.left.store(word_of(share_of(all, thread, threads())), std::memory_order_release);
  }
  turn_.fetch_add(1, std::memory_order_release);
  turn_.notify_all();
  wait_for_others(before + all - take_part(0));
}

/// One's own share, then what is left of the others'; returns how many that were. A thread that comes from an earlier
/// turn finds nothing, or takes part in this one: either is right, for what it has taken is of this one.
uint32_t worker_pool::take_part(uint32_t thread) {
  uint32_t done = 0;
  const auto run = [&](const share& of, range taken) {
    if (taken.size() > 0) of.task(taken.begin, taken.end);
    done += taken.size();
    return taken.size() > 0;
  };
  for (share& mine = shares_[thread]; run(mine, take<cut_front>(mine.left));) {
  }
  for (uint32_t i = 1; i < threads(); ++i) {
    for (share& other = shares_[(thread + i) % threads()]; run(other, take<cut_back>(other.left));) {
    }
  }
  return done;
}

uint32_t worker_pool::done_by_others() const {
  uint32_t done = 0;
  for (size_t i = 1; i < tallies_.size(); ++i) done += tallies_[i].done.load(std::memory_order_seq_cst);
  return done;
}

/// Until they have done `others` in all. All is taken; what they have taken may not be done.
void worker_pool::wait_for_others(uint32_t others) {
  idle_wait wait(meanwhile_, 0);
  for (uint32_t i = 0; i < spins_.limit(); ++i) {
    if (done_by_others() == others) return spins_.found(i);
    wait.turn();
  }
  spins_.slept();
  caller_sleeps_.store(true, std::memory_order_seq_cst);
  for (uint32_t news = news_.load(std::memory_order_acquire); done_by_others() != others;
       news = news_.load(std::memory_order_acquire))
    news_.wait(news, std::memory_order_acquire);
  caller_sleeps_.store(false, std::memory_order_relaxed);
}

/// False: the pool ends.
bool worker_pool::wait_for_share(uint32_t thread, adaptive_spins& spins) {
  const std::atomic<uint64_t>& left = shares_[thread].left;
  const auto is_there = [&] { return range_of(left.load(std::memory_order_acquire)).size() > 0; };
  idle_wait wait(meanwhile_, thread);
  for (uint32_t i = 0; i < spins.limit(); ++i) {
    if (is_there()) {
      spins.found(i);
      return true;
    }
    wait.turn();
  }
  spins.slept();
  for (;;) {
    const uint32_t turn = turn_.load(std::memory_order_acquire);
    if (ending_.load(std::memory_order_relaxed)) return false;
    if (is_there()) return true;
    turn_.wait(turn, std::memory_order_acquire);
  }
}

void worker_pool::work(uint32_t thread, adaptive_spins spins) {
  while (wait_for_share(thread, spins)) {
    const uint32_t done = take_part(thread);
    // Before the look at who sleeps: whoever sleeps has looked at this after it said so.
    tallies_[thread].done.fetch_add(done, std::memory_order_seq_cst);
    if (!caller_sleeps_.load(std::memory_order_seq_cst)) continue;
    news_.fetch_add(1, std::memory_order_release);
    news_.notify_all();
  }
}

}  // namespace troupe
