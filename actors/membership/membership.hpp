// Who is alive: sends this node's heartbeats to every linked node and watches theirs. A hint, never the authority: what
// follows from silence is decided by whoever supervises the silent node.
#pragma once

#include <functional>

#include "actors/runtime/environment.hpp"
#include "actors/runtime/runtime.hpp"

namespace troupe {

using membership_actor = caf::typed_actor<caf::result<void>(tick)>;

/// `on_silent` is called from the actor, once per silence.
membership_actor spawn_membership(caf::actor_system& system, environment& env,
                                  std::function<void(const node_silent&)> on_silent);

}  // namespace troupe
