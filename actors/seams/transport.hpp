// The transport seam: frames between named nodes. Bounded, ordered per link, and it may lose a link at any moment; then
// everything in flight on it is gone and both sides are told. Production: Asio and mutual TLS 1.3 (actors/outside).
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.hpp"
#include "base/result.hpp"

namespace troupe {

/// The bytes of one frame; shared, never changed after they were made.
using frame_bytes = std::shared_ptr<const std::vector<std::byte>>;

/// Held while a received frame is being worked on; its destruction lets the peer send more. A node that is slow or
/// stopped so costs its peers a bounded buffer. May outlive the link. Any thread.
using frame_credit = std::shared_ptr<void>;

/// One incarnation of a node, as its certificate and its greeting name it.
struct peer_identity {
  node_name node;
  /// Drawn anew at each start of the process: a restarted node is another peer.
  uint64_t incarnation = 0;
  /// From the certificate: "gateway", "rank", "host", "ctl".
  std::string role;

  friend bool operator==(const peer_identity&, const peer_identity&) = default;
};

/// What the node does with what arrives. Called from the transport's threads, for one peer never from two at once, and
/// in order: on_up, frames, on_down. Must not block.
class transport_listener {
 public:
  virtual ~transport_listener() = default;
  virtual void on_up(const peer_identity& peer) = 0;
  virtual void on_frame(const peer_identity& peer, frame_bytes frame, frame_credit credit) = 0;
  virtual void on_down(const peer_identity& peer, const error& why) = 0;
};

class transport {
 public:
  virtual ~transport() = default;
  /// Queues a frame for the node's present incarnation. Never blocks. Any thread.
  /// Errors: unavailable (no link), overloaded (the link's buffer is full: the caller decides what to give up),
  /// payload_too_large.
  virtual result<void> send(const node_name& to, frame_bytes frame) = 0;
  /// Ends the link to a node, if there is one; on_down follows. It may be made anew.
  virtual void disconnect(const node_name& node, std::string_view why) = 0;
};

}  // namespace troupe
