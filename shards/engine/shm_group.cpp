#include "shards/engine/shm_group.hpp"

#include <algorithm>
#include <cstring>

#include "shards/engine/futex.hpp"

namespace troupe {
namespace {

using shm::once;
using shm::rank_state;

/// With one core for two ranks and few spins a sum takes 20 us, with many 1.1 ms. Where each rank can have a core,
/// being woken takes some 50 us.
constexpr adaptive_spins::bounds spin_limits{.worth = 4000, .most = 40000, .without_cores = 100};
/// As long as the most spins take: who has slept less would have done better to spin.
constexpr duration brief_sleep = std::chrono::microseconds(700);
/// The leader's next plan comes after sampling and some messages: usually not at once.
constexpr uint32_t spins_idle = 1000;
/// Looking at the abort word and the liveness words costs some tens of nanoseconds.
constexpr uint32_t spins_between_looks = 64;
constexpr duration sleep_slice = std::chrono::milliseconds(1);
/// A rank with nothing to do wakes up less often; it still sees a death in this time.
constexpr duration idle_slice = std::chrono::milliseconds(10);
constexpr duration idle_after = std::chrono::milliseconds(100);
/// Whoever has begun to say why is given so long to end it, be it without a core for a while.
constexpr duration last_words = std::chrono::milliseconds(100);

/// Whether a progress that wraps has come to `target`.
bool reached(uint32_t progress, uint32_t target) { return static_cast<int32_t>(progress - target) >= 0; }

}  // namespace

shm_group::shm_group(shm::control& control, uint32_t rank, const shm::identity& group, const clock& time)
    : control_(control), rank_(rank), group_(group), time_(time), spins_(group.size, spin_limits) {}

shm_group::~shm_group() {
  if (!joined_) return;
  of(rank_).state.store(static_cast<uint32_t>(rank_state::left), std::memory_order_release);
  of(rank_).alive.let_go();
  futex_wake_all(of(rank_).progress);
}

/// The first to come says which group this memory is for.
result<void> shm_group::name_group() {
  uint32_t expected = static_cast<uint32_t>(once::nobody);
  if (control_.named.compare_exchange_strong(expected, static_cast<uint32_t>(once::writing))) {
    control_.group = group_;
    control_.named.store(static_cast<uint32_t>(once::written), std::memory_order_release);
    return {};
  }
  const instant until = time_.now() + deadline_;
  while (control_.named.load(std::memory_order_acquire) != static_cast<uint32_t>(once::written)) {
    if (time_.now() >= until) return error{errc::deadline_exceeded, "nobody has said which group this memory is for"};
    futex_wait(control_.named, static_cast<uint32_t>(once::writing), sleep_slice);
  }
  const shm::identity& theirs = control_.group;
  if (theirs == group_) return {};
  return error{errc::conflict, rank_text(rank_) + " is of generation " + std::to_string(group_.generation) + " (" +
                                   std::to_string(group_.size) + " ranks, " + std::to_string(group_.floats_max) +
                                   " floats) but this memory is of generation " + std::to_string(theirs.generation) +
                                   " (" + std::to_string(theirs.size) + " ranks, " + std::to_string(theirs.floats_max) +
                                   " floats)"};
}

result<void> shm_group::join(duration deadline) {
  if (auto named = name_group(); !named) return failed_.emplace(std::move(named).err());
  shm::rank_control& mine = of(rank_);
  if (mine.state.load(std::memory_order_acquire) != static_cast<uint32_t>(rank_state::absent))
    return failed_.emplace(error{errc::conflict, rank_text(rank_) + " has joined this group before"});
  if (auto held = mine.alive.hold(); !held) return failed_.emplace(std::move(held).err());
  joined_ = true;
  mine.state.store(static_cast<uint32_t>(rank_state::joined), std::memory_order_release);
  futex_wake_all(mine.state);

  const instant until = time_.now() + deadline;
  for (uint32_t peer = 0; peer < group_.size; ++peer) {
    std::atomic<uint32_t>& state = of(peer).state;
    while (state.load(std::memory_order_acquire) == static_cast<uint32_t>(rank_state::absent)) {
      TROUPE_TRY(look_around(1));
      if (time_.now() >= until)
        return fail({errc::deadline_exceeded, rank_text(peer) + " has not joined the group in time"});
      futex_wait(state, static_cast<uint32_t>(rank_state::absent), sleep_slice);
    }
  }
  return {};
}

/// Latches the error and tells the others, who may be waiting for this rank.
error shm_group::fail(error why) {
  if (!failed_) {
    failed_ = why;
    abort(why.detail);
  }
  return why;
}

result<void> shm_group::check() {
  if (failed_) return *failed_;
  if (control_.aborted.load(std::memory_order_acquire) == static_cast<uint32_t>(once::nobody)) return {};
  // Who aborts writes the reason at once; if it died over that, so be it.
  std::string reason = "no reason was given";
  for (const instant until = time_.now() + last_words; time_.now() < until;) {
    if (control_.aborted.load(std::memory_order_acquire) == static_cast<uint32_t>(once::written)) {
      reason.assign(control_.reason, strnlen(control_.reason, shm::reason_bytes));
      reason += " (said " + rank_text(control_.aborting_rank) + ")";
      break;
    }
    futex_wait(control_.aborted, static_cast<uint32_t>(once::writing), sleep_slice);
  }
  return failed_.emplace(error{errc::aborted, reason});
}

void shm_group::abort(std::string_view why) {
  uint32_t expected = static_cast<uint32_t>(once::nobody);
  if (!control_.aborted.compare_exchange_strong(expected, static_cast<uint32_t>(once::writing))) return;
  control_.aborting_rank = rank_;
  const size_t length = std::min(why.size(), shm::reason_bytes - 1);
  std::memcpy(control_.reason, why.data(), length);
  control_.reason[length] = '\0';
  control_.aborted.store(static_cast<uint32_t>(once::written), std::memory_order_release);
  for (uint32_t peer = 0; peer < group_.size; ++peer) {
    futex_wake_all(control_.ranks[peer].progress);
    futex_wake_all(control_.ranks[peer].state);
  }
}

/// Fails when the group is aborted, or when a rank is gone that has not come to `target`. One that has may go: it has
/// done all that this rank waits for.
result<void> shm_group::look_around(uint32_t target) {
  TROUPE_TRY(check());
  for (uint32_t peer = 0; peer < group_.size; ++peer) {
    shm::rank_control& other = control_.ranks[peer];
    const auto state = static_cast<rank_state>(other.state.load(std::memory_order_acquire));
    if (peer == rank_ || state == rank_state::absent) continue;
    if (state == rank_state::joined && !other.alive.holder_is_gone()) continue;
    // It may have come to the target between our last look and its end.
    if (reached(other.progress.load(std::memory_order_acquire), target)) continue;
    // Who leaves because of an abort has seen it before: so have we, then.
    TROUPE_TRY(check());
    const bool left = static_cast<rank_state>(other.state.load(std::memory_order_acquire)) == rank_state::left;
    return fail({errc::unavailable, rank_text(peer) + (left ? " has left the group" : " died")});
  }
  return {};
}

result<void> shm_group::wait_for(uint32_t peer, uint32_t target, patience how) {
  const std::atomic<uint32_t>& progress = control_.ranks[peer].progress;
  const bool idle = how == patience::while_they_live;
  const uint32_t limit = idle ? std::min(spins_idle, spins_.most()) : spins_.limit();
  idle_wait wait(meanwhile_, 0);
  for (uint32_t spins = 0; spins < limit; ++spins) {
    if (reached(progress.load(std::memory_order_acquire), target)) {
      spins_.found(spins);
      return {};
    }
    wait.turn();
    if (spins % spins_between_looks == spins_between_looks - 1) TROUPE_TRY(look_around(target));
  }

  const instant began = time_.now();
  while (!reached(progress.load(std::memory_order_acquire), target)) {
    TROUPE_TRY(look_around(target));
    const duration waited = time_.now() - began;
    if (how == patience::deadline && waited >= deadline_) {
      return fail({errc::deadline_exceeded,
                   rank_text(peer) + " is late: " + rank_text(rank_) + " waited for it for " +
                       std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(waited).count()) + " ms"});
    }
    sleep_on(peer, target, idle && waited >= idle_after ? idle_slice : sleep_slice);
  }
  if (idle) return {};
  if (time_.now() - began < brief_sleep) {
    spins_.found(spins_.most());
  } else {
    spins_.slept();
  }
  return {};
}

void shm_group::sleep_on(uint32_t peer, uint32_t target, duration slice) {
  shm::rank_control& other = control_.ranks[peer];
  // The order of these two against raise(): either we see its progress, or it sees that we sleep.
  other.sleepers.fetch_add(1, std::memory_order_seq_cst);
  const uint32_t seen = other.progress.load(std::memory_order_seq_cst);
  if (!reached(seen, target)) futex_wait(other.progress, seen, slice);
  other.sleepers.fetch_sub(1, std::memory_order_seq_cst);
}

void shm_group::raise(uint32_t progress) {
  of(rank_).progress.store(progress, std::memory_order_seq_cst);
  if (of(rank_).sleepers.load(std::memory_order_seq_cst) != 0) futex_wake_all(of(rank_).progress);
}

result<void> shm_group::wait_for_all(uint32_t target) {
  for (uint32_t peer = 0; peer < group_.size; ++peer)
    if (peer != rank_) TROUPE_TRY(wait_for(peer, target, patience::deadline));
  return {};
}

}  // namespace troupe
