// Turns the bytes of a link into frames, and holds the peer to what it was allowed to send. Pure: no socket, no clock.
#pragma once

#include <span>
#include <string>

#include "actors/outside/transport/link_wire.hpp"
#include "actors/seams/transport.hpp"
#include "base/result.hpp"

namespace troupe {

class frame_reader {
 public:
  class handler {
   public:
    virtual ~handler() = default;
    virtual void on_data(frame_bytes frame) = 0;
    virtual void on_credit(link_credit credit) = 0;
    virtual void on_goodbye(std::string why) = 0;
  };

  /// `window` is what the peer was told that it may send.
  frame_reader(size_t frame_bytes_max, link_credit window) : frame_bytes_max_(frame_bytes_max), allowed_(window) {}

  /// Takes the next bytes, calls the handler for each frame that they complete, in order. After a goodbye the rest is
  /// ignored. Errors (invalid_argument): a bad frame, or more than the peer was allowed; the link must end.
  result<void> feed(std::span<const std::byte> bytes, handler& to);

  /// The peer is about to be told that it may send so much more.
  void allow(link_credit more);

 private:
  result<void> begin_frame();
  void end_frame(handler& to);

  size_t frame_bytes_max_;
  link_credit allowed_;
  std::array<std::byte, frame_head_bytes> head_bytes_{};
  size_t head_filled_ = 0;
  frame_head head_;
  std::vector<std::byte> body_;
  bool ended_ = false;
};

}  // namespace troupe
