#include "shards/engine/tcp_group.hpp"

#include <poll.h>

#include <algorithm>
#include <system_error>

#include "shards/engine/spin_pause.hpp"

namespace troupe::tcp {
namespace {

/// A spin is a system call or more, so there are fewer than in shared memory.
constexpr adaptive_spins::bounds spin_limits{.worth = 50, .most = 2000, .without_cores = 4};
constexpr uint32_t spins_idle = 100;
constexpr uint32_t spins_between_looks = 32;
constexpr duration sleep_slice = std::chrono::milliseconds(10);
/// How long the other channel of a peer may take to say why the first one ended.
constexpr duration last_words = std::chrono::milliseconds(100);

}  // namespace

group::group(uint32_t rank, const identity& who, const clock& time)
    : rank_(rank), who_(who), time_(time), control_(rank), spins_(who.size, spin_limits) {}

group::~group() {
  control_.leave(number_);
  for (tcp::link& each : links_) each.leave();
}

void group::attach(uint32_t peer, channel which, unique_fd connection) {
  if (which == channel::control) {
    control_.attach(peer, std::move(connection));
  } else {
    links_[peer].attach(rank_, peer, who_.floats_max, std::move(connection));
  }
}

bool group::attached(uint32_t peer, channel which) const {
  return which == channel::control ? control_.attached(peer) : links_[peer].fd() >= 0;
}

/// Latches the error and tells the others, who may be waiting for this rank.
error group::fail(error why) {
  if (!failed_) {
    failed_ = why;
    control_.abort(why.detail);
  }
  return why;
}

result<void> group::check() { return watch(duration::zero()); }

result<void> group::watch(duration most, int also) { return poll_all(most, false, also); }

result<void> group::poll_all(duration most, bool links, int also) {
  if (failed_) return *failed_;
  std::array<pollfd, control::watched + collective_ranks_max + 1> all{};
  const auto controls = std::span(all).first<control::watched>();
  control_.watch(controls);
  for (uint32_t peer = 0; peer < collective_ranks_max; ++peer) {
    const tcp::link& each = links_[peer];
    const auto events = static_cast<short>((each.sending() ? POLLOUT : 0) | (each.receiving() ? POLLIN : 0));
    all[control::watched + peer] = {.fd = links && events != 0 ? each.fd() : -1, .events = events, .revents = 0};
  }
  all.back() = {.fd = also, .events = POLLIN, .revents = 0};
  if (poll(all.data(), all.size(), poll_ms(most)) > 0)
    if (auto read = control_.read(controls); !read) return fail(std::move(read).err());
  if (auto ended = control_.check(); !ended) return failed_.emplace(std::move(ended).err());
  return {};
}

/// Whether nothing is under way any more.
result<bool> group::move_all() {
  bool busy = false;
  for (tcp::link& each : links_) {
    if (!each.busy()) continue;
    if (auto went = each.move(); !went) return fail(std::move(went).err());
    if (each.busy() && each.ended()) return gone(each.peer());
    busy = busy || each.busy();
  }
  return !busy;
}

/// Fails for a peer that is gone and is still needed. One whose frames have come may go: it has done all that this rank
/// waits for. A rank that waits without end for another's frame misses every rank, but one that has left after that
/// exchange.
result<void> group::look_around(patience how) {
  for (uint32_t peer = 0; peer < who_.size; ++peer) {
    if (peer == rank_ || !control_.ended(peer)) continue;
    const tcp::link& each = links_[peer];
    if (each.busy()) {
      // What it said before it went may lie in the data channel still.
      if (!each.receiving() || !wait_for_event(each.fd(), POLLIN, last_words)) return gone(peer);
    } else if (how == patience::while_they_live && !(control_.left(peer) && control_.left_at(peer) > number_)) {
      TROUPE_ASSIGN(const bool done, move_all());
      if (!done) return gone(peer);
    }
  }
  return {};
}

/// Why a peer is missed: its last words first.
error group::gone(uint32_t peer) {
  for (const instant until = time_.now() + last_words; !control_.ended(peer) && time_.now() < until;)
    if (auto heard = watch(sleep_slice); !heard) return std::move(heard).err();
  if (auto heard = check(); !heard) return std::move(heard).err();
  if (control_.left(peer)) return fail({errc::unavailable, rank_text(peer) + " has left the group"});
  const int reason = links_[peer].ended_reason();
  if (reason == 0 || reason == EPIPE || reason == ECONNRESET)
    return fail({errc::unavailable, rank_text(peer) + " died"});
  return fail({errc::unavailable, rank_text(peer) + " cannot be reached: " + std::generic_category().message(reason)});
}

error group::late(duration waited) {
  uint32_t peer = 0;
  while (peer + 1 < who_.size && !links_[peer].busy()) ++peer;
  return fail({errc::deadline_exceeded,
               rank_text(peer) + " is late: " + rank_text(rank_) + " waited for it for " +
                   std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(waited).count()) + " ms"});
}

result<void> group::exchange(patience how) {
  if (failed_) return *failed_;
  const bool idle = how == patience::while_they_live;
  const uint32_t limit = idle ? std::min(spins_idle, spins_.most()) : spins_.limit();
  for (uint32_t spins = 0; spins < limit; ++spins) {
    TROUPE_ASSIGN(const bool done, move_all());
    if (done) {
      spins_.found(spins);
      return {};
    }
    if (spins % spins_between_looks == spins_between_looks - 1) {
      TROUPE_TRY(check());
      TROUPE_TRY(look_around(how));
    }
    spin_pause();
  }
  if (!idle) spins_.slept();

  const instant began = time_.now();
  for (;;) {
    TROUPE_ASSIGN(const bool done, move_all());
    if (done) return {};
    TROUPE_TRY(look_around(how));
    const duration waited = time_.now() - began;
    if (!idle && waited >= deadline_) return late(waited);
    TROUPE_TRY(poll_all(idle ? sleep_slice : std::min(sleep_slice, deadline_ - waited), true, -1));
  }
}

}  // namespace troupe::tcp
