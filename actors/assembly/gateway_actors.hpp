// The actors of a gateway + control node, in the order in which they start: the same in a process of a real machine and
// in the simulator.
#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "actors/root/root.hpp"
#include "actors/router/status_board.hpp"
#include "actors/runtime/environment.hpp"
#include "actors/runtime/groups.hpp"
#include "actors/seams/store.hpp"

namespace troupe {

/// All references must outlive the actors.
struct gateway_parts {
  caf::actor_system& system;
  environment& env;
  const std::vector<group_spec>& groups;
  status_board& board;
  store& state;
  int32_t pid = 0;
  /// The host whose agent started this node, if one did.
  std::optional<node_name> started_by;
  /// Ends this node as SIGTERM does.
  std::function<void()> drain_node;
  /// Called when an actor failed too often.
  std::function<void(int exit_code)> end_node;
};

/// Bound as the node's own service.
root_actor spawn_gateway_actors(const gateway_parts& parts);

}  // namespace troupe
