// Sees to it that every group of every deployment has a supervisor, while it holds the controller's lease in the store;
// and answers operators.
//
// The parent of the group supervisors (one_for_one, with a bound on restarts; beyond it, it dies and its own parent
// restarts it). When it dies, another node takes the lease, or it itself again; running streams don't notice.
#pragma once

#include <functional>

#include "actors/runtime/environment.hpp"
#include "actors/runtime/groups.hpp"
#include "actors/runtime/runtime.hpp"
#include "actors/seams/store.hpp"

namespace troupe {

using controller_actor = caf::typed_actor<
    // describe_request and drain_request from `troupe ctl`; description from host agents.
    caf::result<void>(inbound), caf::result<void>(tree_part), caf::result<void>(tick)>;

struct controller_config {
  duration lease_term = std::chrono::seconds(3);
  duration describe_timeout = std::chrono::milliseconds(500);
  /// Ends this node as SIGTERM does: for `troupe ctl drain` of the node itself.
  std::function<void()> drain_node;
  int32_t pid = 0;
};

/// `groups` and `state` must outlive the actor.
controller_actor spawn_controller(caf::actor_system& system, environment& env, controller_config config,
                                  const std::vector<group_spec>& groups, store& state);

}  // namespace troupe
