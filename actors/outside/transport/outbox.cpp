#include "actors/outside/transport/outbox.hpp"

#include <algorithm>
#include <span>
#include <utility>

namespace troupe {
namespace {

void append(std::vector<std::byte>& out, std::span<const std::byte> bytes) {
  out.insert(out.end(), bytes.begin(), bytes.end());
}

}  // namespace

result<void> outbox::push(frame_bytes frame) {
  if (closing_) return {errc::unavailable, "the link is ending"};
  if (frame->size() > limits_.frame_bytes_max) {
    return {errc::payload_too_large, "a frame of " + std::to_string(frame->size()) + " bytes; the link takes up to " +
                                         std::to_string(limits_.frame_bytes_max)};
  }
  if (queue_.size() >= limits_.frames_max || frame->size() > limits_.bytes_max - queued_bytes_) {
    return {errc::overloaded, "the link's queue is full (" + std::to_string(queue_.size()) + " frames, " +
                                  std::to_string(queued_bytes_) + " bytes)"};
  }
  queued_bytes_ += frame->size();
  queue_.push_back(std::move(frame));
  return {};
}

void outbox::push_credit(link_credit credit) {
  returned_.frames += credit.frames;
  returned_.bytes += credit.bytes;
}

void outbox::push_goodbye(std::string_view why, rest of_queue) {
  if (closing_) return;
  closing_ = true;
  if (of_queue == rest::drop) queue_.resize(begun_ ? 1 : 0);
  goodbye_ = encode_goodbye_frame(why);
}

result<void> outbox::add_credit(link_credit more) {
  if (more.frames > limits_.window.frames - credit_.frames || more.bytes > limits_.window.bytes - credit_.bytes) {
    return {errc::invalid_argument, "the peer gave back more than it was sent"};
  }
  credit_.frames += more.frames;
  credit_.bytes += more.bytes;
  return {};
}

bool outbox::next_allowed() const {
  return begun_ || (!queue_.empty() && credit_.frames > 0 && queue_.front()->size() <= credit_.bytes);
}

bool outbox::sendable() const { return ping_ || returned_.frames > 0 || !goodbye_.empty() || next_allowed(); }

void outbox::fill(std::vector<std::byte>& out, size_t bytes_max) {
  while (out.size() < bytes_max) {
    if (!begun_) {
      // Between frames: the link's own go first, so a long queue delays neither signs of life nor credit.
      if (returned_.frames > 0) append(out, encode_credit_frame(std::exchange(returned_, {})));
      if (std::exchange(ping_, false)) append(out, encode_ping_frame());
      if (!next_allowed()) {
        append(out, std::exchange(goodbye_, {}));
        return;
      }
      const auto& frame = *queue_.front();
      append(out, encode_frame_head({static_cast<uint32_t>(frame.size()), frame_type::data}));
      credit_.frames -= 1;
      credit_.bytes -= static_cast<uint32_t>(frame.size());
      begun_ = true;
      taken_ = 0;
    }
    std::span<const std::byte> left = std::span(*queue_.front()).subspan(taken_);
    size_t count = std::min(left.size(), out.size() < bytes_max ? bytes_max - out.size() : 0);
    append(out, left.first(count));
    taken_ += count;
    if (taken_ < queue_.front()->size()) return;
    queued_bytes_ -= queue_.front()->size();
    queue_.pop_front();
    begun_ = false;
  }
}

}  // namespace troupe
