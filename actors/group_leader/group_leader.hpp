// The leader of one group, on rank 0's node: admits streams, batches them, runs the steps, sends each gateway the
// tokens of its streams, one envelope a step.
//
// Owns the batch and the pages. Its group's generation is its own for life: an envelope with another one is refused
// (`fenced`). When a step fails, or takes much longer than such steps do, the group is over: it tells its rank actor
// and does nothing more. When it dies, the process does, and the whole group restarts as the next generation.
#pragma once

#include <functional>

#include "actors/group_leader/batch.hpp"
#include "actors/runtime/environment.hpp"
#include "actors/runtime/runtime.hpp"

namespace troupe {

using group_leader_actor = caf::typed_actor<
    // generate, cancel_stream; drain (no new streams) from the rank.
    caf::result<void>(inbound),
    // A gateway that is gone: its streams are cancelled.
    caf::result<void>(node_up), caf::result<void>(node_lost),
    // From the compute's thread.
    caf::result<void>(compute_stepped),
    // Reports the load, and looks after the step that runs.
    caf::result<void>(tick),
    // New streams are refused from now on (`draining`), those that are here finish.
    caf::result<void>(terminate_node)>;

struct group_leader_config {
  group_number group = no_group_number;
  generation_number generation = 0;
  batch_limits limits;
  /// Every step may take so long; one of a slow model longer (step_allowance).
  duration step_timeout = std::chrono::seconds(1);
  /// Several a second: they carry the load that the router decides by.
  duration report_interval = std::chrono::milliseconds(100);
  /// Called once, from the actor, when no step will succeed any more.
  std::function<void(error)> on_failure;
};

/// `device` must outlive the actor.
group_leader_actor spawn_group_leader(caf::actor_system& system, environment& env, group_leader_config config,
                                      compute& device);

}  // namespace troupe
