// The data channel to one other rank: at most one frame on its way out and one on its way in, each moved as far as the
// kernel goes without waiting.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "base/result.hpp"
#include "base/unique_fd.hpp"
#include "shards/engine/tcp_socket.hpp"
#include "shards/engine/tcp_wire.hpp"

namespace troupe::tcp {

class link {
 public:
  void attach(uint32_t rank, uint32_t peer, uint64_t floats_max, unique_fd channel);
  int fd() const { return channel_.get(); }
  uint32_t peer() const { return peer_; }

  /// `payload` stays as it is until sending() ends.
  void start_sending(const frame_head& head, std::span<const std::byte> payload);
  /// The frame that is due next, head and payload. With `any_size` the head alone: the payload comes with
  /// start_receiving_payload().
  void start_receiving(const frame_head& due, std::span<std::byte> payload, bool any_size = false);
  /// What the head has announced, received_head().payload_bytes long.
  void start_receiving_payload(std::span<std::byte> payload);
  const frame_head& received_head() const { return due_; }

  bool sending() const { return sent_ < frame_head_bytes + out_.size(); }
  bool receiving() const { return received_ < frame_head_bytes + in_.size(); }
  bool busy() const { return sending() || receiving(); }

  /// Moves what can be moved. Errors: corrupt, internal (the peer is in another collective); both name the peer.
  result<void> move();
  /// The peer has closed, or the connection has failed: nothing of what is due will move any more.
  bool ended() const { return ended_; }
  /// Why, where it was not simply closed: an errno, else 0.
  int ended_reason() const { return ended_reason_; }

  /// Closes it so that what was sent still arrives.
  void leave() { close_gently(std::move(channel_)); }

 private:
  result<void> check_head();

  unique_fd channel_;
  uint32_t rank_ = 0, peer_ = 0;
  uint64_t floats_max_ = 0;
  bool ended_ = false;
  int ended_reason_ = 0;

  frame_block out_head_{};
  std::span<const std::byte> out_;
  size_t sent_ = frame_head_bytes;

  frame_block in_head_{};
  frame_head due_;
  bool any_size_ = false;
  std::span<std::byte> in_;
  size_t received_ = frame_head_bytes;
};

}  // namespace troupe::tcp
