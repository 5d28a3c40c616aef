#include "shards/engine/tcp_link.hpp"

#include <algorithm>

#include "base/check.hpp"

namespace troupe::tcp {

void link::attach(uint32_t rank, uint32_t peer, uint64_t floats_max, unique_fd channel) {
  rank_ = rank;
  peer_ = peer;
  floats_max_ = floats_max;
  channel_ = std::move(channel);
}

void link::start_sending(const frame_head& head, std::span<const std::byte> payload) {
  TROUPE_CHECK(!sending());
  out_head_ = encode(head);
  out_ = payload;
  sent_ = 0;
}

void link::start_receiving(const frame_head& due, std::span<std::byte> payload, bool any_size) {
  TROUPE_CHECK(!receiving());
  due_ = due;
  any_size_ = any_size;
  in_ = payload;
  received_ = 0;
}

void link::start_receiving_payload(std::span<std::byte> payload) {
  TROUPE_CHECK(!receiving());
  in_ = payload;
  received_ = frame_head_bytes;
}

result<void> link::move() {
  if (sending()) {
    const size_t head = std::min(sent_, frame_head_bytes);
    const moved went = send_some(channel_.get(), std::span(out_head_).subspan(head), out_.subspan(sent_ - head));
    sent_ += went.bytes;
    ended_ = ended_ || went.ended;
    if (went.reason != 0) ended_reason_ = went.reason;
  }
  if (receiving()) {
    const size_t head = std::min(received_, frame_head_bytes);
    const moved came = receive_some(channel_.get(), std::span(in_head_).subspan(head), in_.subspan(received_ - head));
    received_ += came.bytes;
    ended_ = ended_ || came.ended;
    if (came.reason != 0) ended_reason_ = came.reason;
    if (head < frame_head_bytes && received_ >= frame_head_bytes) TROUPE_TRY(check_head());
  }
  return {};
}

/// As soon as the head is there: who is in another collective may send less than we wait for.
result<void> link::check_head() {
  auto parsed = parse_frame(in_head_, channel::data, floats_max_);
  if (!parsed) return with_context(std::move(parsed).err(), rank_text(peer_));
  collective_call ours = call_of(due_);
  const collective_call theirs = call_of(*parsed);
  if (any_size_) ours.size = theirs.size;
  if (ours != theirs) return different_calls(rank_, call_of(due_), peer_, theirs);
  if (parsed->number != due_.number || (!any_size_ && parsed->payload_bytes != due_.payload_bytes)) {
    return error{errc::corrupt, rank_text(peer_) + " sent frame " + std::to_string(parsed->number) + " of " +
                                    std::to_string(parsed->payload_bytes) + " bytes where frame " +
                                    std::to_string(due_.number) + " of " + std::to_string(due_.payload_bytes) +
                                    " bytes was due"};
  }
  due_ = *parsed;
  return {};
}

}  // namespace troupe::tcp
