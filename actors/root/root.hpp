// The root of a node's actors: starts them in order and starts again what dies (one_for_one, with a bound on restarts;
// beyond it the node ends and its host starts it anew).
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "actors/runtime/environment.hpp"
#include "actors/runtime/restart_intensity.hpp"
#include "actors/runtime/runtime.hpp"

namespace troupe {

using root_actor = caf::typed_actor<caf::result<void>(tick),
                                    // Answered with tree_part: one entry for each child.
                                    caf::result<void>(describe)>;

struct root_config {
  struct child {
    std::string name;
    /// Spawns it and binds it at the post office.
    std::function<caf::actor()> spawn;
  };
  std::vector<child> children;
  restart_limits restarts;
  /// Called once, from the actor, when the bound is exceeded.
  std::function<void(int exit_code)> end_node;
};

root_actor spawn_root(caf::actor_system& system, environment& env, root_config config);

}  // namespace troupe
