// Who is in a group that speaks over TCP: its channels, waiting for what is under way, and learning that a rank is
// late, has died or has ended the group. The collectives of tcp_communicator are made of exchange().
//
// A wait spins for a while, then sleeps in poll(), in slices, so that any clock's deadline is noticed.
#pragma once

#include <array>
#include <optional>
#include <string_view>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "shards/engine/adaptive_spins.hpp"
#include "shards/engine/communicator.hpp"
#include "shards/engine/tcp_control.hpp"
#include "shards/engine/tcp_link.hpp"

namespace troupe::tcp {

/// Used by one thread, the rank's compute thread, but for abort().
class group {
 public:
  group(uint32_t rank, const identity& who, const clock& time);
  /// Says goodbye to the others.
  ~group();
  group(const group&) = delete;
  group& operator=(const group&) = delete;

  /// Before anything else. Errors: io_failed.
  result<void> open() { return control_.open(); }
  /// One of the two connections to a peer.
  void attach(uint32_t peer, channel which, unique_fd connection);
  bool attached(uint32_t peer, channel which) const;

  /// This exchange's frames start on these.
  tcp::link& link(uint32_t peer) { return links_[peer]; }
  uint64_t number() const { return number_; }
  /// Moves all that has been started on the links to its end. Errors: aborted, deadline_exceeded, unavailable, corrupt,
  /// internal; all of them for good.
  result<void> exchange(patience how);
  /// The exchange is over.
  void next() { ++number_; }

  /// Fails when the group has ended.
  result<void> check();
  /// Sleeps for `most`, or until a control channel speaks or, where it is one, `also` becomes readable; then check().
  result<void> watch(duration most, int also = -1);
  /// Ends the group for this reason, which is returned. The others learn it too, for they may be waiting for this rank.
  error fail(error why);
  /// Any thread.
  void abort(std::string_view why) { control_.abort(why); }

  void set_deadline(duration deadline) { deadline_ = deadline; }
  duration deadline() const { return deadline_; }

 private:
  result<bool> move_all();
  result<void> look_around(patience how);
  error late(duration waited);
  error gone(uint32_t peer);
  result<void> poll_all(duration most, bool links, int also);

  const uint32_t rank_;
  const identity who_;
  const clock& time_;
  control control_;
  std::array<tcp::link, collective_ranks_max> links_;
  uint64_t number_ = 0;
  duration deadline_ = std::chrono::seconds(10);
  std::optional<error> failed_;
  adaptive_spins spins_;
};

}  // namespace troupe::tcp
