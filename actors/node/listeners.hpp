// The listening sockets of a host's nodes, which its agent opens (docs/decisions/0004): a gateway answers on the same
// port after a restart, and a client that connects meanwhile waits instead of being refused.
#pragma once

#include <optional>
#include <string>

#include "actors/node/nodes.hpp"
#include "actors/outside/process/posix_process_host.hpp"

namespace troupe {

/// A listener at `port`; where the configuration leaves that open (0), at the port of `last_time` if it is still free.
/// Errors: those of open_listener().
result<unique_fd> open_listener_again(const std::string& address, uint16_t port, uint16_t last_time);

/// Opens those of the gateways on `host` and gives them to the processes of their names. A gateway that was adopted has
/// its own; for that one they are opened when it must be started again. Gives where all gateways listen; `host` itself
/// is left out. Errors: those of open_listener().
result<host_addresses> give_listeners(const cluster_config& config, const node_name& host,
                                      const std::optional<host_addresses>& before, posix_process_host& processes);

}  // namespace troupe
