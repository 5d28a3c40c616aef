// One rank of a group: opens its compute (weights, communicator), tells control when it is ready, and ends its process
// when it cannot go on: a group lives and dies as one, and its supervisor starts the next generation.
//
//   opening ──opened──▶ serving ──step or collective failed, or no gateway for too long──▶ ended
//
// Where the group is on several hosts, it says first where it listens, until control has told it where the others do.
// On rank 0 it is the parent of the group leader; the other ranks follow the leader's steps in the compute's own
// thread.
#pragma once

#include <functional>

#include "actors/group_leader/group_leader.hpp"
#include "actors/runtime/environment.hpp"
#include "actors/runtime/groups.hpp"
#include "actors/runtime/runtime.hpp"

namespace troupe {

using rank_actor = caf::typed_actor<caf::result<void>(compute_opened), caf::result<void>(compute_ended),
                                    caf::result<void>(node_up), caf::result<void>(node_lost),
                                    // group_meeting from control.
                                    caf::result<void>(inbound),
                                    // The process was asked to end: the group is drained first.
                                    caf::result<void>(terminate_node), caf::result<void>(tick)>;

struct rank_config {
  const group_spec* group = nullptr;
  uint32_t rank = 0;
  generation_number generation = 0;
  int32_t pid = 0;
  /// Where the group is on several hosts: where this rank listens for the others.
  std::optional<rank_endpoint> listening;
  /// Called once, from the actor, when the process should end; the frames queued before get a moment to leave.
  std::function<void(int exit_code)> end_node;
};

/// `device` and the group must outlive the actor.
rank_actor spawn_rank(caf::actor_system& system, environment& env, rank_config config, compute& device);

}  // namespace troupe
