// Ends a gateway whose host's agent has been away for too long: nobody would start it, or a rank, again, and who killed
// the agent expects the cluster to be gone. (A rank without a gateway ends itself, so the ranks follow.) An agent that
// comes back within that time finds the gateway as it was.
#pragma once

#include <functional>

#include "actors/runtime/environment.hpp"
#include "actors/runtime/runtime.hpp"

namespace troupe {

using host_watch_actor = caf::typed_actor<caf::result<void>(tick)>;

struct host_watch_config {
  /// The host that started this node.
  node_name host;
  /// Called once, from the actor, when there was no link to it for supervision.orphan_timeout.
  std::function<void()> drain_node;
};

/// When it dies: restarted by the root; the time begins anew.
host_watch_actor spawn_host_watch(caf::actor_system& system, environment& env, host_watch_config config);

}  // namespace troupe
