#include <unistd.h>

#include <algorithm>
#include <chrono>

#include "actors/host_agent/host_agent.hpp"
#include "actors/membership/membership.hpp"
#include "actors/node/listeners.hpp"
#include "actors/node/model_check.hpp"
#include "actors/node/node_runtime.hpp"
#include "actors/node/nodes.hpp"
#include "actors/node/shard_settings.hpp"
#include "actors/outside/compute/shard_compute.hpp"
#include "actors/outside/process/posix_process_host.hpp"
#include "base/replace_file.hpp"

namespace troupe {
namespace {

std::string peer_argument(const transport_peer& peer) {
  return peer.node + "=" + peer.host + ":" + std::to_string(peer.port);
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

std::string config_text_file(const cluster_config& config) { return node_runtime::state_path(config, "cluster.yaml"); }

std::vector<std::string> node_arguments_for(const cluster_config& config, const std::string& config_file,
                                            const node_name& name) {
  return {"node",   "--config", config_file, "--config-text", config_text_file(config), "--state", config.state_folder,
          "--name", name};
}

/// How long killed processes may take: one with gigabytes of memory needs a moment to give them back.
constexpr std::chrono::milliseconds end_patience{5000};

/// Kills what an earlier agent has left running, and waits until it is gone, so that its ports are free.
result<void> end_leftovers(posix_process_host& processes, logger& log) {
  for (const auto& status : processes.list()) {
    log.warn("process.left_over", {{"process", status.name}, {"pid", status.pid}});
  }
  auto left = processes.end_all(end_patience);
  if (left.empty()) return {};
  return {errc::io_failed, left.front().name + " of an earlier start does not end (pid " +
                               std::to_string(left.front().pid) + "); end it, then start again"};
}

host_agent_config agent_config(const cluster_config& config, const std::string& config_file,
                               const host_addresses& addresses) {
  host_agent_config agent;
  agent.pid = ::getpid();
  for (const auto& gateway : config.gateways) {
    if (gateway.host != addresses.host.node) continue;
    process_spec spec{gateway.name, 0, node_arguments_for(config, config_file, gateway.name)};
    spec.arguments.insert(spec.arguments.end(), {"--peer", peer_argument(addresses.host)});
    agent.permanent.push_back(std::move(spec));
  }
  agent.rank_arguments = [&config, config_file, peers = addresses.gateways](const group_spec& group, uint32_t rank,
                                                                            generation_number generation) {
    auto line = node_arguments_for(config, config_file, group.rank_node(rank));
    line.insert(line.end(), {"--generation", std::to_string(generation)});
    for (const auto& peer : peers) line.insert(line.end(), {"--peer", peer_argument(peer)});
    return line;
  };
  agent.shared_memory_bytes = [](const group_spec& group) -> result<uint64_t> {
    if (group.is_spread()) return uint64_t{0};
    TROUPE_ASSIGN(auto shard, shard_config_of(*group.deployment, 0));
    return shard_compute_memory_bytes(shard);
  };
  return agent;
}

}  // namespace

result<int> run_host_node(const cluster_config& config, const node_arguments& arguments,
                          const std::optional<host_addresses>& before,
                          const std::function<void(const host_addresses&)>& listening) {
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
  TROUPE_ASSIGN(for_it.listen_fd, open_listener_again(host->address, host->port, before ? before->host.port : 0));
  for_it.roles = {"gateway"};
  for_it.scheduler_threads = 1;
  actor_metrics no_metrics;
  node_runtime node(std::move(for_it), no_metrics);
  auto& env = node.env();

  posix_process_host_config for_processes;
  for_processes.state_folder = config.state_folder;
  for_processes.log_folder = node_runtime::state_path(config, "logs");
  TROUPE_ASSIGN(auto processes, posix_process_host::open(std::move(for_processes), env.log));
  if (!before) TROUPE_TRY(end_leftovers(*processes, env.log));
  TROUPE_TRY(replace_file(config_text_file(config), arguments.config_text));
  TROUPE_ASSIGN(auto addresses, give_listeners(config, host->name, before, *processes));
  TROUPE_TRY(node.start_transport());
  addresses.host = {host->name, host->address, node.transport_port()};

  auto for_agent = agent_config(config, arguments.config_file, addresses);
  for_agent.end_node = [&node](int exit_code) { node.request_end(exit_code); };
  spawn_membership(node.system(), env, [](const node_silent&) {});
  auto agent = spawn_host_agent(node.system(), env, std::move(for_agent), node.groups(), *processes);
  listening(addresses);
  int exit_code = node.run([&] {
    // The gateways close theirs when they begin to drain; from then on clients are refused, not kept waiting.
    processes->drop_fds();
    tell(agent, terminate_node{});
  });
  // No actor finds the process host gone.
  node.end_actors();
  // After a second signal: nothing is left behind that nobody watches.
  for (const auto& status : processes->end_all(end_patience)) {
    env.log.warn("process.not_ended", {{"process", status.name}, {"pid", status.pid}});
  }
  return exit_code;
}

}  // namespace troupe
