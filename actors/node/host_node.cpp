#include <unistd.h>

#include <algorithm>

#include "actors/host_agent/host_agent.hpp"
#include "actors/membership/membership.hpp"
#include "actors/node/model_check.hpp"
#include "actors/node/node_runtime.hpp"
#include "actors/node/nodes.hpp"
#include "actors/node/shard_settings.hpp"
#include "actors/outside/compute/shard_compute.hpp"
#include "actors/outside/descriptors/listening_socket.hpp"
#include "actors/outside/process/posix_process_host.hpp"

namespace troupe {
namespace {

std::string peer_argument(const transport_peer& peer) {
  return peer.node + "=" + peer.host + ":" + std::to_string(peer.port);
}

/// Where gateways and hosts are, with the ports that this host chose for what the configuration leaves open.
std::vector<transport_peer> known_peers(const cluster_config& config) {
  std::vector<transport_peer> peers;
  for (const auto& gateway : config.gateways) peers.push_back({gateway.name, gateway.address, gateway.port});
  return peers;
}

result<void> make_certificates(const cluster_config& config, const std::vector<group_spec>& groups, const clock& time) {
  auto folder = node_runtime::state_path(config, "certificates");
  auto now = time.wall_now();
  TROUPE_TRY(make_authority(folder, config.name, now));
  for (const auto& host : config.hosts) TROUPE_TRY(make_node_certificate(folder, config.name, "host", host.name, now));
  for (const auto& g : config.gateways) TROUPE_TRY(make_node_certificate(folder, config.name, "gateway", g.name, now));
  TROUPE_TRY(make_node_certificate(folder, config.name, "ctl", "ctl", now));
  for (const auto& group : groups) {
    for (uint32_t rank = 0; rank < group.ranks(); ++rank) {
      TROUPE_TRY(make_node_certificate(folder, config.name, "rank", group.rank_node(rank), now));
    }
  }
  return {};
}

std::vector<std::string> node_arguments_for(const cluster_config& config, const std::string& config_file,
                                            const node_name& name) {
  return {"node", "--config", config_file, "--state", config.state_folder, "--name", name};
}

}  // namespace

result<int> run_host_node(const cluster_config& config, node_arguments arguments, const on_listening& listening) {
  auto host =
      std::find_if(config.hosts.begin(), config.hosts.end(), [&](const auto& h) { return h.name == arguments.name; });
  if (host == config.hosts.end())
    return {errc::invalid_argument, arguments.name + " is not a host of this configuration"};
  auto groups = groups_of(config);
  TROUPE_TRY(check_models(config, groups, host->name));
  system_clock time;
  TROUPE_TRY(make_certificates(config, groups, time));

  node_config for_it;
  for_it.cluster = config;
  for_it.name = host->name;
  for_it.role = "host";
  for_it.listen = transport_address{host->address, host->port};
  for_it.roles = {"gateway", "ctl"};
  for_it.scheduler_threads = 1;
  actor_metrics no_metrics;
  node_runtime node(std::move(for_it), no_metrics);
  auto& env = node.env();

  posix_process_host_config for_processes;
  for_processes.state_folder = config.state_folder;
  for_processes.log_folder = node_runtime::state_path(config, "logs");
  TROUPE_ASSIGN(auto processes, posix_process_host::open(std::move(for_processes), env.log));

  // The host keeps the listening sockets of its gateways: they answer on the same port after a restart, and a client
  // that connects meanwhile waits instead of being refused.
  auto peers = known_peers(config);
  host_addresses addresses;
  for (size_t i = 0; i < config.gateways.size(); ++i) {
    const auto& gateway = config.gateways[i];
    if (gateway.host != host->name) continue;
    TROUPE_ASSIGN(auto http, open_listener(gateway.http_address, gateway.http_port));
    TROUPE_ASSIGN(auto http_port, local_port(http.get()));
    TROUPE_ASSIGN(auto internal, open_listener(gateway.address, gateway.port));
    TROUPE_ASSIGN(peers[i].port, local_port(internal.get()));
    if (addresses.http.empty()) addresses.http = gateway.http_address + ":" + std::to_string(http_port);
    processes->give_fd(gateway.name, std::move(http), "--http-fd");
    processes->give_fd(gateway.name, std::move(internal), "--listen-fd");
  }
  addresses.gateways = peers;

  TROUPE_TRY(node.start_transport());
  transport_peer self{host->name, host->address, node.transport_port()};

  host_agent_config for_agent;
  for_agent.pid = ::getpid();
  for (const auto& gateway : config.gateways) {
    if (gateway.host != host->name) continue;
    process_spec spec{gateway.name, 0, node_arguments_for(config, arguments.config_file, gateway.name)};
    spec.arguments.insert(spec.arguments.end(), {"--peer", peer_argument(self)});
    for_agent.permanent.push_back(std::move(spec));
  }
  for_agent.rank_arguments = [&config, peers, file = arguments.config_file](const group_spec& group, uint32_t rank,
                                                                            generation_number generation) {
    auto line = node_arguments_for(config, file, group.rank_node(rank));
    line.insert(line.end(), {"--generation", std::to_string(generation)});
    for (const auto& peer : peers) line.insert(line.end(), {"--peer", peer_argument(peer)});
    return line;
  };
  for_agent.shared_memory_bytes = [](const group_spec& group) -> result<uint64_t> {
    TROUPE_ASSIGN(auto shard, shard_config_of(*group.deployment, 0));
    return shard_compute_memory_bytes(shard);
  };
  for_agent.end_node = [&node](int exit_code) { node.request_end(exit_code); };

  auto membership = spawn_membership(node.system(), env, [](const node_silent&) {});
  env.post.bind(service::membership, no_group_number, caf::actor_cast<caf::actor>(membership));
  auto agent = spawn_host_agent(node.system(), env, std::move(for_agent), node.groups(), *processes);
  listening(addresses);
  int exit_code = node.run([&] {
    // The gateways close theirs when they begin to drain; from then on clients are refused, not kept waiting.
    processes->drop_fds();
    tell(agent, terminate_node{});
  });
  // No actor finds the process host gone.
  node.end_actors();
  return exit_code;
}

}  // namespace troupe
