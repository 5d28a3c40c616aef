// Everything that crosses from one node to another: an envelope with one body. Plain structs; the wire form is
// envelope.capnp, the conversion envelope_codec.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

#include "base/ids.hpp"
#include "schemas/cluster.hpp"
#include "schemas/request.hpp"

namespace troupe {

/// The receivers that a node may have. At most one of each, and of those that belong to a group one per group.
enum class service : uint8_t {
  requests,
  router,
  group_leader,
  group_supervisor,
  controller,
  host_agent,
  membership,
  ctl,
  node,
};
inline constexpr uint8_t service_count = 9;
std::string_view name(service s);

struct envelope_head {
  /// cluster_key() of the cluster's name.
  uint64_t cluster = 0;
  service to = service::membership;
  group_number group = no_group_number;
  /// Of that group; 0 where the body is not about one incarnation.
  generation_number generation = 0;
  /// The sender's own number for an answer to name; 0 where none is expected.
  uint64_t correlation = 0;
  /// What is left of the deadline when it was sent; 0: none. (Nodes do not share a clock.)
  uint32_t time_left_ms = 0;
  /// The same on all that one request caused.
  uint64_t trace = 0;

  friend bool operator==(const envelope_head&, const envelope_head&) = default;
};

using envelope_body = std::variant<generate, cancel_stream, step_tokens, rank_ready, rank_failed, rank_leaving,
                                   group_load, heartbeat, start_group, end_group, host_report, group_process_exited,
                                   drain_request, describe_request, description, rank_listening, group_meeting>;

struct envelope {
  envelope_head head{};
  envelope_body body{};

  friend bool operator==(const envelope&, const envelope&) = default;
};

/// Whether a node of that role ("gateway", "rank", "host", "ctl", as its certificate says) has such a thing to say. A
/// rank that was taken over cannot speak for a host or an operator.
bool may_send(std::string_view role, const envelope_body& body);

/// FNV-1a of the cluster's name.
uint64_t cluster_key(std::string_view cluster_name);

}  // namespace troupe
