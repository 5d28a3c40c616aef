#include "gateway/cluster/gateway_node.hpp"

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <optional>

#include "actors/assembly/gateway_actors.hpp"
#include "actors/node/node_runtime.hpp"
#include "actors/outside/store/sqlite_store.hpp"
#include "gateway/api/api.hpp"
#include "gateway/cluster/actor_cluster_client.hpp"
#include "gateway/cluster/served_models.hpp"
#include "gateway/http/http_server.hpp"

namespace troupe {
namespace {

// However the process ends, a port in use included: the server first, so that nobody is left whom an actor could
// answer; then the actors; then what they refer to.
struct actors_end {
  node_runtime& node;
  ~actors_end() { node.end_actors(); }
};

}  // namespace

result<int> run_gateway_node(const cluster_config& config, node_arguments arguments) {
  auto gateway = std::find_if(config.gateways.begin(), config.gateways.end(),
                              [&](const auto& g) { return g.name == arguments.name; });
  if (gateway == config.gateways.end()) {
    return {errc::invalid_argument, arguments.name + " is not a gateway of this configuration"};
  }
  prometheus_metrics metrics;
  node_config for_it;
  for_it.cluster = config;
  for_it.name = gateway->name;
  for_it.role = "gateway";
  // Only a host's agent gives sockets; who is started by an init system does not depend on one.
  std::optional<node_name> started_by;
  if (arguments.listen_fd) {
    started_by = gateway->host;
    for_it.listen_fd = std::move(arguments.listen_fd);
  } else {
    for_it.listen = transport_address{gateway->address, gateway->port};
  }
  // Hosts are dialled; where the configuration leaves a port open, the host that started this node told it.
  for (const auto& host : config.hosts) {
    auto told = std::find_if(arguments.peers.begin(), arguments.peers.end(),
                             [&](const auto& p) { return p.node == host.name; });
    for_it.peers.push_back(told != arguments.peers.end() ? *told : transport_peer{host.name, host.address, host.port});
  }
  for_it.roles = {"host", "rank", "ctl"};
  node_runtime node(std::move(for_it), metrics.for_actors());
  auto& env = node.env();

  TROUPE_ASSIGN(auto models, load_served_models(config, env.clock));
  TROUPE_ASSIGN(auto state, sqlite_store::open(node_runtime::state_path(config, "store.sqlite")));
  status_board board;
  actor_cluster_client client(env, std::move(models), board, metrics);

  api_config for_api;
  for_api.request_timeout = config.http.request_timeout;
  auto api = make_api(for_api, client, env.clock, env.random, metrics.for_gateway());

  spawn_gateway_actors({.system = node.system(),
                        .env = env,
                        .groups = node.groups(),
                        .board = board,
                        .state = *state,
                        .pid = ::getpid(),
                        .started_by = started_by,
                        .drain_node = [] { ::kill(::getpid(), SIGTERM); },
                        .end_node = [&node](int exit_code) { node.request_end(exit_code); }});
  actors_end end_of_actors{node};
  TROUPE_TRY(node.start_transport());

  http_server_config for_http;
  for_http.address = gateway->http_address;
  for_http.port = gateway->http_port;
  for_http.listening_fd = arguments.http_fd.release();
  for_http.limits = config.http;
  TROUPE_ASSIGN(auto http, http_server::start(for_http, *api, env.clock, env.random, env.log, metrics.for_gateway()));
  env.log.info("gateway.listening", {{"http", http->address()}});

  return node.run([&] {
    board.set_draining();
    http->drain(config.supervision.drain_timeout, [&](size_t cut) {
      env.log.info("gateway.drained", {{"cut", uint64_t{cut}}});
      node.request_end(0);
    });
  });
}

}  // namespace troupe
