// Sends each stream to one group of its deployment, and tells `requests` when an incarnation is gone.
//
// Owns the routing table, rebuilt from supervisors' states and leaders' reports after a restart. Where no group is
// ready a stream waits here, bounded in number and by its deadline. Readiness of the node is decided here, from steps
// that advance: it is written to the status board that /ready reads.
#pragma once

#include "actors/router/status_board.hpp"
#include "actors/runtime/environment.hpp"
#include "actors/runtime/groups.hpp"
#include "actors/runtime/runtime.hpp"

namespace troupe {

using router_actor = caf::typed_actor<
    // Answered with a route_decision to request.reply_to, at once or when a group is ready. Errors in it: no_group
    // (the deadline passed), overloaded.
    caf::result<void>(route_request),
    // The stream no longer runs where it was sent.
    caf::result<void>(route_done),
    // From a group's supervisor.
    caf::result<void>(group_state),
    // group_load, from leaders.
    caf::result<void>(inbound), caf::result<void>(node_up), caf::result<void>(node_lost), caf::result<void>(tick)>;

struct router_config {
  /// Streams that wait for a group to become ready; beyond it: overloaded.
  uint32_t waiting_max = 4096;
  duration check_interval = std::chrono::milliseconds(50);
  /// A ready group does not count as advancing whose leader has not reported for so long, or has streams and has not
  /// ended a step for so long (or ten times its p99).
  duration report_timeout = std::chrono::milliseconds(1500);
};

/// `groups` and `board` must outlive the actor.
router_actor spawn_router(caf::actor_system& system, environment& env, router_config config,
                          const std::vector<group_spec>& groups, status_board& board);

}  // namespace troupe
