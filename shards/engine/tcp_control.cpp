#include "shards/engine/tcp_control.hpp"

#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <system_error>

namespace troupe::tcp {

result<void> control::open() {
  wake_.reset(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (wake_) return {};
  return error{errc::io_failed, "an event descriptor: " + std::generic_category().message(errno)};
}

void control::attach(uint32_t peer, unique_fd channel) {
  const std::lock_guard lock(mutex_);
  peers_[peer].channel = std::move(channel);
  if (aborted_.load(std::memory_order_relaxed) && aborting_rank_ == rank_)
    tell(peers_[peer].channel.get(), {.kind = frame_kind::abort}, reason_);
}

/// The first reason stays. With mutex_ held.
bool control::keep(std::string_view why, uint32_t who) {
  if (aborted_.load(std::memory_order_relaxed)) return false;
  reason_ = why.substr(0, text_bytes_max);
  aborting_rank_ = who;
  aborted_.store(true, std::memory_order_release);
  return true;
}

void control::abort(std::string_view why) {
  const std::lock_guard lock(mutex_);
  if (!keep(why, rank_)) return;
  for (const peer_channel& peer : peers_)
    if (peer.channel) tell(peer.channel.get(), {.kind = frame_kind::abort}, reason_);
  const uint64_t one = 1;
  // It fails only where it is set already.
  static_cast<void>(::write(wake_.get(), &one, sizeof(one)));
}

/// A channel carries two frames in its life: the kernel takes them whole. With mutex_ held.
void control::tell(int channel, frame_head head, std::string_view text) const {
  head.payload_bytes = text.size();
  const frame_block block = encode(head);
  send_some(channel, block, std::as_bytes(std::span(text)));
}

result<void> control::check() const {
  if (!aborted_.load(std::memory_order_acquire)) return {};
  const std::lock_guard lock(mutex_);
  return error{errc::aborted, reason_ + " (said " + rank_text(aborting_rank_) + ")"};
}

void control::leave(uint64_t number) {
  const std::lock_guard lock(mutex_);
  for (peer_channel& peer : peers_) {
    if (!peer.channel) continue;
    // It may hear of this rank's end before it hears of the reason.
    if (aborted_.load(std::memory_order_relaxed) && aborting_rank_ != rank_)
      tell(peer.channel.get(), {.kind = frame_kind::abort, .size = uint64_t{aborting_rank_} + 1}, reason_);
    tell(peer.channel.get(), {.kind = frame_kind::goodbye, .number = number}, {});
    close_gently(std::move(peer.channel));
  }
}

void control::watch(std::span<pollfd, watched> entries) const {
  for (uint32_t peer = 0; peer < collective_ranks_max; ++peer)
    entries[peer] = {.fd = peers_[peer].ended ? -1 : peers_[peer].channel.get(), .events = POLLIN, .revents = 0};
  entries.back() = {.fd = aborted_.load(std::memory_order_acquire) ? -1 : wake_.get(), .events = POLLIN, .revents = 0};
}

result<void> control::read(std::span<const pollfd, watched> entries) {
  for (uint32_t peer = 0; peer < collective_ranks_max; ++peer)
    if (entries[peer].fd >= 0 && entries[peer].revents != 0) TROUPE_TRY(read_from(peer));
  return {};
}

result<void> control::read_from(uint32_t peer) {
  peer_channel& from = peers_[peer];
  for (;;) {
    const moved got = receive_some(from.channel.get(), std::span(from.bytes).subspan(from.received));
    from.received += got.bytes;
    for (;;) {
      TROUPE_ASSIGN(const bool taken, take_frame(peer));
      if (!taken) break;
    }
    if (got.ended) from.ended = true;
    if (got.bytes == 0) return {};
  }
}

/// Whether there was a whole frame.
result<bool> control::take_frame(uint32_t peer) {
  peer_channel& from = peers_[peer];
  if (from.received < frame_head_bytes) return false;
  auto head = parse_frame(std::span(from.bytes).first<frame_head_bytes>(), channel::control, 0);
  if (!head) return with_context(std::move(head).err(), rank_text(peer));
  const size_t length = frame_head_bytes + head->payload_bytes;
  if (from.received < length) return false;
  if (head->kind == frame_kind::goodbye) {
    from.left = true;
    from.left_at = head->number;
    from.ended = true;
  } else {
    const std::lock_guard lock(mutex_);
    keep({reinterpret_cast<const char*>(from.bytes.data()) + frame_head_bytes, head->payload_bytes},
         head->size == 0 ? peer : static_cast<uint32_t>(head->size - 1));
  }
  std::memmove(from.bytes.data(), from.bytes.data() + length, from.received - length);
  from.received -= length;
  return true;
}

}  // namespace troupe::tcp
