// The control channels of a rank: an abort reaches the others although half a message lies in the data channels, and
// although the compute thread is busy elsewhere; and their end tells of a death.
#pragma once

#include <poll.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <mutex>
#include <span>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "base/unique_fd.hpp"
#include "shards/engine/collective_call.hpp"
#include "shards/engine/tcp_socket.hpp"
#include "shards/engine/tcp_wire.hpp"

namespace troupe::tcp {

/// Used by the compute thread, but for abort().
class control {
 public:
  explicit control(uint32_t rank) : rank_(rank) {}

  /// Before anything else. Errors: io_failed.
  result<void> open();
  /// A peer's channel. An abort that came before is told at once.
  void attach(uint32_t peer, unique_fd channel);
  bool attached(uint32_t peer) const { return static_cast<bool>(peers_[peer].channel); }

  /// Ends the group: the first reason, ours or a peer's, stays. Any thread.
  void abort(std::string_view why);
  /// Fails with `aborted` (the reason, and who said it) from then on.
  result<void> check() const;
  /// To all who listen still; closes the channels.
  void leave(uint64_t number);

  /// What poll() is to watch: the channels that have not ended, and abort() from other threads.
  static constexpr size_t watched = collective_ranks_max + 1;
  void watch(std::span<pollfd, watched> entries) const;
  /// Reads what poll() has found. Errors: corrupt (names the rank).
  result<void> read(std::span<const pollfd, watched> entries);

  /// Whether the peer's channel has ended, or has said that it would.
  bool ended(uint32_t peer) const { return peers_[peer].ended; }
  /// Whether it said goodbye.
  bool left(uint32_t peer) const { return peers_[peer].left; }
  /// The first exchange that a rank which left has not done.
  uint64_t left_at(uint32_t peer) const { return peers_[peer].left_at; }

 private:
  struct peer_channel {
    unique_fd channel;
    std::array<std::byte, frame_head_bytes + text_bytes_max> bytes;
    size_t received = 0;
    bool ended = false;
    bool left = false;
    uint64_t left_at = 0;
  };

  result<void> read_from(uint32_t peer);
  result<bool> take_frame(uint32_t peer);
  bool keep(std::string_view why, uint32_t who);
  void tell(int channel, frame_head head, std::string_view text) const;

  const uint32_t rank_;
  unique_fd wake_;
  std::array<peer_channel, collective_ranks_max> peers_;

  std::atomic<bool> aborted_{false};
  mutable std::mutex mutex_;
  // Guarded by mutex_, as is writing into the channels, and which there are.
  std::string reason_;
  uint32_t aborting_rank_ = 0;
};

}  // namespace troupe::tcp
