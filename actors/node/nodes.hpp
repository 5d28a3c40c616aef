// The processes of a cluster that serve no clients: a rank's node and a host's agent. (The gateway's node is in
// gateway/cluster.) Each function runs the process until its end and returns its exit code.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "actors/outside/transport/asio_transport.hpp"
#include "base/unique_fd.hpp"
#include "schemas/cluster_config.hpp"

namespace troupe {

/// What a node is told on its command line beside the configuration.
struct node_arguments {
  /// As it was given to the host agent, and what it said then: the host's children are told of both, so that one that
  /// is started again is still of the configuration that the others have.
  std::string config_file;
  std::string config_text;
  node_name name;
  generation_number generation = 0;
  unique_fd shared_memory_fd;
  unique_fd listen_fd;
  unique_fd http_fd;
  /// Where other nodes are, when the configuration leaves it open (port 0).
  std::vector<transport_peer> peers;
};

/// Errors: a configuration that does not fit the node, a certificate that is missing, a port in use.
result<int> run_rank_node(const cluster_config& config, node_arguments arguments);

/// Where a host's nodes listen, with the ports that the configuration leaves open.
struct host_addresses {
  /// For clients: "127.0.0.1:8080".
  std::string http;
  std::vector<transport_peer> gateways;
  transport_peer host;
};
/// `before`: the addresses of the last start with this very configuration, if there was one. What an agent that was
/// killed has left running is adopted then; without them, or where the configuration is another, it is killed first.
/// `listening` is called when the ports are known: for printing them, and for keeping them for the next start.
/// Errors: a configuration or model that cannot be served, files, a port in use, another agent on the state folder.
result<int> run_host_node(const cluster_config& config, const node_arguments& arguments,
                          const std::optional<host_addresses>& before,
                          const std::function<void(const host_addresses&)>& listening);

}  // namespace troupe
