// The transport between processes: length-prefixed frames over mutual TLS 1.3 over TCP, on one thread of Boost.Asio.
// Nothing is read or sent before both certificates are verified; what comes in is bounded and checked at the edge. A
// link belongs to one incarnation of a peer: the newest wins. A peer that does not read costs a bounded queue
// (`overloaded`), one that says nothing is given up after a few pings, one that is not what it claims is refused, and
// none of them disturbs the links of others. The frames' form is in link_wire.hpp; CAF's own networking was measured
// and rejected because it does none of this (docs/decisions).
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "actors/outside/certificates/certificates.hpp"
#include "actors/seams/transport.hpp"
#include "base/clock.hpp"
#include "base/log.hpp"
#include "base/random.hpp"
#include "base/result.hpp"
#include "base/unique_fd.hpp"

namespace troupe {

/// A node to which a link is kept: dialled whenever there is none, for ever.
struct transport_peer {
  node_name node;
  /// A name or an address. Names are looked up one after another, addresses at once.
  std::string host;
  uint16_t port = 0;
};

/// Where this node accepts links.
struct transport_address {
  std::string host;
  /// 0: any free one, see asio_transport::port().
  uint16_t port = 0;
};

struct asio_transport_config {
  /// Nodes of another cluster are refused.
  std::string cluster;
  /// Must agree with the certificate. Of two processes with one name the higher incarnation is the newer.
  peer_identity self;
  /// Read once, by start(): a renewed certificate counts from the next start of the process.
  certificate_files certificates;

  /// Neither: this node only dials. `listen_fd` (a listening socket of the host agent's) goes first.
  std::optional<transport_address> listen;
  unique_fd listen_fd;
  std::vector<transport_peer> peers;
  /// Roles of the nodes that a link may be made with, dialled ones included.
  std::vector<std::string> roles;

  size_t frame_bytes_max = 8 << 20;
  /// What a peer may have sent that the node has not finished with. At least frame_bytes_max.
  uint32_t window_frames = 1024;
  size_t window_bytes = 8 << 20;
  /// What may wait here for one peer; beyond it: overloaded.
  size_t queue_frames_max = 4096;
  size_t queue_bytes_max = 16 << 20;

  std::chrono::milliseconds ping_interval{1000};
  /// So many intervals without a byte from the peer end the link.
  uint32_t pings_missed_max = 3;
  /// For connecting, TLS and greeting together.
  std::chrono::milliseconds handshake_timeout{5000};
  /// Connections that were accepted and are not authenticated yet; the next one displaces the oldest.
  uint32_t handshakes_max = 64;
  uint32_t links_max = 512;
  /// The wait before dialling again doubles from the one to the other; the actual wait is drawn from its upper half.
  std::chrono::milliseconds dial_delay_min{50};
  std::chrono::milliseconds dial_delay_max{2000};
};

/// Counters of a transport. Called on its thread; must not block. `reason` is one of a short fixed list.
class transport_metrics {
 public:
  virtual ~transport_metrics() = default;
  virtual void link_up() = 0;
  /// "goodbye", "closed", "silent", "protocol", "replaced", "disconnected", "stopped"
  virtual void link_down(std::string_view reason) = 0;
  /// A connection, made or accepted, that did not become a link: "closed", "tls", "timeout", "displaced", "hello",
  /// "version", "cluster", "role", "name", "own_name", "older", "duplicate", "limit", "stopping".
  virtual void peer_refused(std::string_view reason) = 0;
};

/// The first rule that a configuration breaks (invalid_argument).
result<void> validate(const asio_transport_config& config);

class asio_transport final : public transport {
 public:
  /// The references must outlive the transport; `metrics` may be null.
  asio_transport(asio_transport_config config, random_source& random, logger& log,
                 transport_metrics* metrics = nullptr);
  /// Stops first.
  ~asio_transport() override;

  /// Reads the certificates, binds, starts the thread and the dialling. Once. The listener must outlive stop().
  /// Errors: invalid_argument (the configuration; the certificate is another node's), io_failed (a file, an address in
  /// use), corrupt.
  result<void> start(transport_listener& listener);
  /// Ends all links (on_down follows for each that was up), closes the port and joins the thread; takes at most about
  /// half a second, in which what was queued is sent as far as the peers take it. After it no callback runs and send()
  /// says unavailable. Not from a callback. May be called twice. (The destructor also waits for the lookup of a peer's
  /// name that is under way.)
  void stop();
  /// Where it listens, after start(); 0 if it does not.
  uint16_t port() const;

  result<void> send(const node_name& to, frame_bytes frame) override;
  void disconnect(const node_name& node, std::string_view why) override;

 private:
  class implementation;
  std::unique_ptr<implementation> implementation_;
};

/// A number for peer_identity::incarnation that grows with each start of a node: the wall clock in milliseconds, then
/// 20 random bits so that no two are equal.
uint64_t make_incarnation(const clock& time, random_source& random);

}  // namespace troupe
