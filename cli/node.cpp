// troupe node: one process of a cluster, as a host's agent or an init system starts it.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>

#include "actors/node/node_runtime.hpp"
#include "actors/node/nodes.hpp"
#include "cli/cluster_options.hpp"
#include "cli/commands.hpp"
#include "gateway/cluster/gateway_node.hpp"

namespace troupe {
namespace {

struct node_options {
  cluster_options cluster;
  std::string name;
  generation_number generation = 0;
  int shared_memory_fd = -1;
  int listen_fd = -1;
  int http_fd = -1;
  std::vector<std::string> peers;
};

int node(const node_options& options) {
  auto loaded = load_cluster(options.cluster);
  if (!loaded) return failed(loaded.err());
  const auto& config = loaded->config;
  prepare_process();
  node_arguments arguments;
  arguments.config_file = options.cluster.config_file;
  arguments.name = options.name;
  arguments.generation = options.generation;
  arguments.shared_memory_fd.reset(options.shared_memory_fd);
  arguments.listen_fd.reset(options.listen_fd);
  arguments.http_fd.reset(options.http_fd);
  for (const auto& text : options.peers) {
    auto peer = parse_peer(text);
    if (!peer) return failed(peer.err());
    arguments.peers.push_back(*peer);
  }
  bool is_gateway = std::any_of(config.gateways.begin(), config.gateways.end(),
                                [&](const auto& g) { return g.name == options.name; });
  auto exit_code =
      is_gateway ? run_gateway_node(config, std::move(arguments)) : run_rank_node(config, std::move(arguments));
  return exit_code ? *exit_code : failed(exit_code.err());
}

}  // namespace

void add_node(CLI::App& app, int& exit_code) {
  auto* command = app.add_subcommand(
      "node",
      "Runs one node of a cluster: a gateway, or a rank of a group. Usually started by `troupe up`,\n"
      "which also passes the descriptors and the addresses that the configuration leaves open.");
  auto options = std::make_shared<node_options>();
  command->add_option("--config", options->cluster.config_file, "The cluster's YAML file")->required();
  command->add_option("--config-text", options->cluster.config_text_file,
                      "What that file said when the cluster was started; as it is now if not given");
  command->add_option("--state", options->cluster.state_folder, "Certificates, store and logs; overrides stateFolder");
  command->add_option("--name", options->name, "The node: gateway-0, troupe-tiny-g0-r1")->required();
  command->add_option("--generation", options->generation, "Of the rank's group");
  command->add_option("--peer", options->peers, "Where another node is: NODE=HOST:PORT; may be repeated");
  command->add_option("--shared-memory-fd", options->shared_memory_fd, "The group's shared memory");
  command->add_option("--listen-fd", options->listen_fd, "A listening socket for other nodes");
  command->add_option("--http-fd", options->http_fd, "A listening socket for clients");
  command->callback([options, &exit_code] { exit_code = node(*options); });
}

}  // namespace troupe
