#include <unistd.h>

#include <algorithm>

#include "actors/membership/membership.hpp"
#include "actors/node/node_runtime.hpp"
#include "actors/node/nodes.hpp"
#include "actors/node/shard_settings.hpp"
#include "actors/outside/compute/shard_compute.hpp"
#include "actors/outside/descriptors/listening_socket.hpp"
#include "actors/rank/rank.hpp"
#include "actors/runtime/incarnation.hpp"

namespace troupe {

namespace {

/// On the host's own address, never on every one: what ranks say to each other is not encrypted.
result<rank_endpoint> listen_for_ranks(const cluster_config& config, const node_name& host, unique_fd& socket) {
  auto its = std::find_if(config.hosts.begin(), config.hosts.end(), [&](const auto& h) { return h.name == host; });
  TROUPE_CHECK(its != config.hosts.end());
  TROUPE_ASSIGN(socket, open_listener(its->address, 0));
  TROUPE_ASSIGN(uint16_t port, local_port(socket.get()));
  return rank_endpoint{its->address, port};
}

}  // namespace

result<int> run_rank_node(const cluster_config& config, node_arguments arguments) {
  auto groups = groups_of(config);
  auto address = find_rank(groups, arguments.name);
  if (!address)
    return {errc::invalid_argument, arguments.name + " is neither a gateway nor a rank of this configuration"};
  const auto& spec = groups[address->group];

  system_random random;
  node_config for_it;
  for_it.cluster = config;
  for_it.name = arguments.name;
  for_it.role = "rank";
  for_it.incarnation = rank_incarnation(arguments.generation, random);
  for_it.peers = arguments.peers;
  for_it.roles = {"gateway"};
  for_it.scheduler_threads = 1;

  shard_compute_config for_device;
  TROUPE_ASSIGN(for_device.shard, shard_config_of(*spec.deployment, address->rank));
  for_device.shared_memory_fd = arguments.shared_memory_fd.get();
  for_device.generation = arguments.generation;
  std::optional<rank_endpoint> listening;
  if (spec.is_spread()) {
    TROUPE_ASSIGN(listening, listen_for_ranks(config, spec.host_of(address->rank), for_device.listening_socket));
  }

  actor_metrics no_metrics;
  node_runtime node(std::move(for_it), no_metrics);
  auto& env = node.env();
  auto device = make_shard_compute(std::move(for_device), env.clock);
  auto end_node = [&node](int exit_code) { node.request_end(exit_code); };

  rank_config for_rank;
  for_rank.group = &node.groups()[address->group];
  for_rank.rank = address->rank;
  for_rank.generation = arguments.generation;
  for_rank.pid = ::getpid();
  for_rank.listening = std::move(listening);
  for_rank.end_node = end_node;
  spawn_membership(node.system(), env, [](const node_silent&) {});
  auto rank = spawn_rank(node.system(), env, std::move(for_rank), *device);
  TROUPE_TRY(node.start_transport());
  int exit_code = node.run([&] { tell(rank, terminate_node{}); });
  // The device's last callbacks still find an actor system; no actor finds a device that is gone.
  node.end_actors();
  device.reset();
  return exit_code;
}

}  // namespace troupe
