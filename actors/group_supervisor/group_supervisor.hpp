// Keeps one group of ranks alive: starts its processes through its hosts' agents, notices when one of them fails,
// fences the whole group by a new generation in the store, and starts it again. A group lives and dies as one
// (one_for_all). The ranks of a group on several hosts learn here where the others listen.
//
// Runs on the control node. When it dies its parent, the controller, starts it again; it reads the generation from the
// store and adopts the ranks that report it.
#pragma once

#include "actors/group_supervisor/group_life.hpp"
#include "actors/runtime/environment.hpp"
#include "actors/runtime/groups.hpp"
#include "actors/runtime/runtime.hpp"
#include "actors/seams/store.hpp"

namespace troupe {

using group_supervisor_actor = caf::typed_actor<
    // rank_listening, rank_ready, rank_failed, rank_leaving from ranks; host_report, group_process_exited from the
    // hosts' agents.
    caf::result<void>(inbound), caf::result<void>(node_up), caf::result<void>(node_lost),
    caf::result<void>(node_silent),
    // From the router: nothing runs on the draining group any more.
    caf::result<void>(group_idle),
    // From an operator: finish what runs, then stay down.
    caf::result<void>(drain),
    // Answered with tree_part.
    caf::result<void>(describe), caf::result<void>(tick)>;

struct group_supervisor_config {
  const group_spec* group = nullptr;
  group_life::config life;
  duration fenced_kill_delay{};
  duration check_interval = std::chrono::milliseconds(20);
  /// The present state is told the router again so often: it may have been restarted.
  duration announce_interval = std::chrono::milliseconds(500);
};

/// `state` (the store) and the group must outlive the actor.
group_supervisor_actor spawn_group_supervisor(caf::actor_system& system, environment& env,
                                              group_supervisor_config config, store& state);

}  // namespace troupe
