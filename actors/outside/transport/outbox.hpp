// What waits to be sent on one link: a bounded queue of frames that go out as the peer's credit allows, and the link's
// own small frames, which go before them. Pure: no socket, no lock.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "actors/outside/transport/link_wire.hpp"
#include "actors/seams/transport.hpp"
#include "base/result.hpp"

namespace troupe {

struct outbox_limits {
  size_t frames_max = 0;
  size_t bytes_max = 0;
  /// The smaller of both ends'.
  size_t frame_bytes_max = 0;
  /// What the peer lets us have under way.
  link_credit window;
};

class outbox {
 public:
  explicit outbox(outbox_limits limits) : limits_(limits), credit_(limits.window) {}

  /// Errors: payload_too_large, overloaded; then it is as before.
  result<void> push(frame_bytes frame);
  void push_ping() { ping_ = true; }
  void push_credit(link_credit credit);
  enum class rest : uint8_t { send, drop };
  /// Nothing can be pushed any more. What waits is sent as far as the peer's present credit allows, or dropped but for
  /// a frame that is half sent; then comes `why`.
  void push_goodbye(std::string_view why, rest of_queue);

  /// The peer allows more. Errors (invalid_argument): more than its window.
  result<void> add_credit(link_credit more);

  /// Whether fill() would give anything.
  bool sendable() const;
  /// Appends to `out`, up to about `bytes_max` of it in all.
  void fill(std::vector<std::byte>& out, size_t bytes_max);
  /// The goodbye has been taken by fill().
  bool ended() const { return closing_ && goodbye_.empty(); }

 private:
  bool next_allowed() const;

  outbox_limits limits_;
  link_credit credit_;
  std::deque<frame_bytes> queue_;
  size_t queued_bytes_ = 0;
  /// Of the first in the queue: bytes already taken, once its head was.
  bool begun_ = false;
  size_t taken_ = 0;

  bool ping_ = false;
  link_credit returned_;
  bool closing_ = false;
  std::vector<std::byte> goodbye_;
};

}  // namespace troupe
