// The agent of one host: starts its gateway nodes and keeps them running (one_for_one, with a bound on restarts), and
// starts, ends and watches the ranks' processes for the groups' supervisors on the control node.
//
// When it dies the init system restarts it and it adopts the children that live (process_host does). When a gateway
// fails too often it escalates: it ends the process with an error.
#pragma once

#include <functional>
#include <map>

#include "actors/runtime/environment.hpp"
#include "actors/runtime/groups.hpp"
#include "actors/runtime/runtime.hpp"
#include "actors/seams/process_host.hpp"

namespace troupe {

using host_agent_actor = caf::typed_actor<
    // start_group, end_group, describe_request from control.
    caf::result<void>(inbound), caf::result<void>(node_up), caf::result<void>(node_lost),
    // From the process_host.
    caf::result<void>(process_ended),
    // SIGTERM: gateways first, which drain while the ranks go on; then the ranks.
    caf::result<void>(terminate_node), caf::result<void>(tick)>;

struct host_agent_config {
  /// This host's gateways: the processes to keep running.
  std::vector<process_spec> permanent;
  /// argv[1..] of a rank's node.
  std::function<std::vector<std::string>(const group_spec&, uint32_t rank, generation_number)> rank_arguments;
  /// The memory that a group's ranks share; 0 where it is on several hosts. Errors go to the supervisor: a model folder
  /// that cannot be read.
  std::function<result<uint64_t>(const group_spec&)> shared_memory_bytes;
  /// Called once, from the actor, when everything has ended; non-zero: it gave up.
  std::function<void(int exit_code)> end_node;
  int32_t pid = 0;
};

/// `groups` and `processes` must outlive the actor.
host_agent_actor spawn_host_agent(caf::actor_system& system, environment& env, host_agent_config config,
                                  const std::vector<group_spec>& groups, process_host& processes);

}  // namespace troupe
