// The processes of a cluster that serve no clients: a rank's node and a host's agent. (The gateway's node is in
// gateway/cluster.) Each function runs the process until its end and returns its exit code.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "actors/outside/descriptors/unique_fd.hpp"
#include "actors/outside/transport/asio_transport.hpp"
#include "schemas/cluster_config.hpp"

namespace troupe {

/// What a node is told on its command line beside the configuration.
struct node_arguments {
  /// As it was given to the host agent, for the command lines of its children.
  std::string config_file;
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

/// Called when the host's gateways have their ports: for printing them.
struct host_addresses {
  std::string http;
  std::vector<transport_peer> gateways;
};
using on_listening = std::function<void(const host_addresses&)>;
result<int> run_host_node(const cluster_config& config, node_arguments arguments, const on_listening& listening);

}  // namespace troupe
