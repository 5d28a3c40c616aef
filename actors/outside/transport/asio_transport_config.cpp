#include <algorithm>
#include <limits>
#include <set>

#include "actors/outside/transport/asio_transport.hpp"
#include "actors/outside/transport/link_wire.hpp"

namespace troupe {
namespace {

constexpr size_t u32_max = std::numeric_limits<uint32_t>::max();

error broken(std::string rule) { return {errc::invalid_argument, "transport: " + std::move(rule)}; }

result<void> validate_sizes(const asio_transport_config& config) {
  if (config.frame_bytes_max == 0 || config.frame_bytes_max > u32_max)
    return broken("frame_bytes_max must be 1 to 2^32 - 1");
  if (config.window_frames == 0) return broken("window_frames must be at least 1");
  if (config.window_bytes < config.frame_bytes_max || config.window_bytes > u32_max) {
    return broken("window_bytes must be frame_bytes_max to 2^32 - 1");
  }
  if (config.queue_frames_max == 0) return broken("queue_frames_max must be at least 1");
  if (config.queue_bytes_max < config.frame_bytes_max)
    return broken("queue_bytes_max must be at least frame_bytes_max");
  if (config.handshakes_max == 0) return broken("handshakes_max must be at least 1");
  if (config.links_max == 0) return broken("links_max must be at least 1");
  return {};
}

result<void> validate_times(const asio_transport_config& config) {
  using namespace std::chrono_literals;
  if (config.ping_interval < 1ms) return broken("ping_interval must be at least 1 ms");
  if (config.pings_missed_max == 0) return broken("pings_missed_max must be at least 1");
  if (config.handshake_timeout < 1ms) return broken("handshake_timeout must be at least 1 ms");
  if (config.dial_delay_min < 1ms || config.dial_delay_max < config.dial_delay_min) {
    return broken("dial_delay_min must be at least 1 ms and at most dial_delay_max");
  }
  return {};
}

}  // namespace

result<void> validate(const asio_transport_config& config) {
  TROUPE_TRY(check_certificate_name("transport: cluster", config.cluster));
  TROUPE_TRY(check_certificate_name("transport: node", config.self.node));
  TROUPE_TRY(check_certificate_name("transport: role", config.self.role));
  TROUPE_TRY(validate_sizes(config));
  TROUPE_TRY(validate_times(config));
  if (config.roles.empty()) return broken("no role may have a link");
  for (const auto& role : config.roles) TROUPE_TRY(check_certificate_name("transport: roles", role));
  std::set<std::string_view> seen;
  for (const auto& peer : config.peers) {
    TROUPE_TRY(check_certificate_name("transport: peer", peer.node));
    if (peer.node == config.self.node) return broken("peer \"" + peer.node + "\" is this node itself");
    if (!seen.insert(peer.node).second) return broken("peer \"" + peer.node + "\" is there twice");
    if (peer.host.empty() || peer.port == 0) return broken("peer \"" + peer.node + "\" needs a host and a port");
  }
  return {};
}

uint64_t make_incarnation(const clock& time, random_source& random) {
  constexpr int random_bits = 20;
  auto milliseconds = static_cast<uint64_t>(time.wall_now().time_since_epoch().count());
  return (milliseconds << random_bits) | (random.next() >> (64 - random_bits));
}

}  // namespace troupe
