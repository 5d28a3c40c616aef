// What the nodes of a cluster say to each other about groups, processes and themselves: the plain structs.
// The wire form is in envelope.capnp, the conversion envelope_codec.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "base/ids.hpp"

namespace troupe {

/// The groups of all deployments, counted in the order of the configuration.
using group_number = uint32_t;
inline constexpr group_number no_group_number = 0xFFFF'FFFF;

/// A rank has loaded its slice and met the others. To its group's supervisor; said again whenever a link comes up.
struct rank_ready {
  uint32_t rank = 0;
  int32_t pid = 0;
  std::string fingerprint{};
  uint32_t kv_pages = 0;
  uint32_t context_max = 0;
  uint64_t weights_bytes = 0;
  uint64_t load_ms = 0;
  friend bool operator==(const rank_ready&, const rank_ready&) = default;
};

/// Where a rank listens for the others of its group, on the host that it runs on.
struct rank_endpoint {
  /// An IPv4 or IPv6 address.
  std::string host{};
  uint16_t port = 0;
  friend bool operator==(const rank_endpoint&, const rank_endpoint&) = default;
};

/// A rank of a group on several hosts waits for the others. To its group's supervisor; said again until the answer,
/// group_meeting, comes.
struct rank_listening {
  uint32_t rank = 0;
  rank_endpoint at{};
  friend bool operator==(const rank_listening&, const rank_listening&) = default;
};

/// A group's supervisor to each of its ranks, when all are listening: where, and what they know each other by. The
/// secret is random and of this generation alone.
struct group_meeting {
  std::array<std::byte, 16> secret{};
  /// By rank.
  std::vector<rank_endpoint> addresses{};
  friend bool operator==(const group_meeting&, const group_meeting&) = default;
};

/// A rank cannot go on: its group ends. The process exits after this.
struct rank_failed {
  uint32_t rank = 0;
  error why{};
  friend bool operator==(const rank_failed&, const rank_failed&) = default;
};

/// A rank was asked to end (SIGTERM): its group is drained, then replaced.
struct rank_leaving {
  uint32_t rank = 0;
  friend bool operator==(const rank_leaving&, const rank_leaving&) = default;
};

/// A leader's load, to every gateway, a few times a second and after each change of readiness.
struct group_load {
  uint32_t running = 0;
  uint32_t waiting = 0;
  /// Prompt tokens of running and waiting streams that were not prefilled yet.
  uint64_t waiting_tokens = 0;
  /// By streams; the rest are free, or kept for the prefix cache until room is needed.
  uint32_t kv_pages_used = 0;
  uint32_t kv_pages_total = 0;
  uint32_t sequences_max = 0;
  uint32_t waiting_max = 0;
  /// Since the group's start.
  uint64_t steps = 0;
  uint64_t prefilled_tokens = 0;
  uint64_t generated_tokens = 0;
  uint64_t preemptions = 0;
  /// Over the last steps.
  uint32_t step_us_p50 = 0;
  uint32_t step_us_p99 = 0;
  uint32_t kv_pages_cached = 0;
  /// Of streams that began to run: their ids, those of them whose keys and values were there already.
  uint64_t prefix_tokens_queried = 0;
  uint64_t prefix_tokens_hit = 0;
  uint64_t prefix_pages_evicted = 0;
  /// Guessed by speculation; those of them that were right.
  uint64_t drafted_tokens = 0;
  uint64_t accepted_tokens = 0;
  /// How long the last streams waited until they began to run.
  uint32_t queue_us_p50 = 0;
  uint32_t queue_us_p99 = 0;
  /// Time with a step under way or between two that follow each other; of that, inside the model.
  uint64_t busy_us = 0;
  uint64_t model_us = 0;
  friend bool operator==(const group_load&, const group_load&) = default;
};

/// Every node to each of its peers.
struct heartbeat {
  uint64_t sequence = 0;
  friend bool operator==(const heartbeat&, const heartbeat&) = default;
};

/// Control to a host agent: start these ranks of the head's group, as the head's generation.
struct start_group {
  std::vector<uint32_t> ranks{};
  friend bool operator==(const start_group&, const start_group&) = default;
};

/// Control to a host agent: kill what lives of the head's group in generations up to the head's.
struct end_group {
  friend bool operator==(const end_group&, const end_group&) = default;
};

struct group_process {
  group_number group = no_group_number;
  generation_number generation = 0;
  uint32_t rank = 0;
  int32_t pid = 0;
  friend bool operator==(const group_process&, const group_process&) = default;
};

/// A host agent to control, when their link comes up: all that lives; and as the answer to start_group.
struct host_report {
  std::vector<group_process> processes{};
  /// Where an answer: why they could not be started. Empty detail and code `internal` never occur together with
  /// success.
  bool failed = false;
  error why{};
  friend bool operator==(const host_report&, const host_report&) = default;
};

/// A host agent to control.
struct group_process_exited {
  group_process process{};
  /// "exit 3", "signal 9 (Killed)".
  std::string how{};
  friend bool operator==(const group_process_exited&, const group_process_exited&) = default;
};

/// troupe ctl, to a control node.
struct drain_request {
  /// "gateway-0", "troupe-tiny/0".
  std::string target{};
  friend bool operator==(const drain_request&, const drain_request&) = default;
};
struct describe_request {
  friend bool operator==(const describe_request&, const describe_request&) = default;
};

/// One line of the supervision tree; children follow their parent, one level deeper.
struct tree_entry {
  uint32_t depth = 0;
  /// "cluster", "host", "process", "actor", "group", "rank".
  std::string kind{};
  std::string name{};
  std::string state{};
  generation_number generation = 0;
  uint32_t restarts = 0;
  int32_t pid = 0;
  std::string detail{};
  friend bool operator==(const tree_entry&, const tree_entry&) = default;
};

/// The answer to a describe_request or drain_request.
struct description {
  std::vector<tree_entry> tree{};
  bool failed = false;
  error why{};
  friend bool operator==(const description&, const description&) = default;
};

}  // namespace troupe
