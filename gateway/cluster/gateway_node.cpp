#include "gateway/cluster/gateway_node.hpp"

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <optional>

#include "actors/controller/controller.hpp"
#include "actors/host_watch/host_watch.hpp"
#include "actors/membership/membership.hpp"
#include "actors/node/node_runtime.hpp"
#include "actors/outside/store/sqlite_store.hpp"
#include "actors/requests/requests.hpp"
#include "actors/root/root.hpp"
#include "actors/router/router.hpp"
#include "gateway/api/api.hpp"
#include "gateway/cluster/actor_cluster_client.hpp"
#include "gateway/cluster/served_models.hpp"
#include "gateway/http/http_server.hpp"

namespace troupe {
namespace {

root_config children_of(node_runtime& node, const std::optional<node_name>& started_by, status_board& board,
                        store& state, const std::function<void()>& drain_node) {
  auto& env = node.env();
  root_config root;
  auto add = [&](const char* name, std::function<caf::actor()> spawn) {
    root.children.push_back({name, std::move(spawn)});
  };
  add("requests", [&] { return caf::actor_cast<caf::actor>(spawn_requests(node.system(), env, {})); });
  add("router", [&] {
    router_config for_it;
    for_it.report_timeout = env.config.supervision.heartbeat_timeout;
    return caf::actor_cast<caf::actor>(spawn_router(node.system(), env, for_it, node.groups(), board));
  });
  add("controller", [&, drain_node] {
    controller_config for_it;
    for_it.pid = ::getpid();
    for_it.drain_node = drain_node;
    return caf::actor_cast<caf::actor>(spawn_controller(node.system(), env, std::move(for_it), node.groups(), state));
  });
  add("membership", [&] {
    auto actor = caf::actor_cast<caf::actor>(spawn_membership(node.system(), env, [&](const node_silent& silent) {
      if (auto rank = find_rank(node.groups(), silent.peer.node)) {
        tell(env.post.local(service::group_supervisor, rank->group), silent);
      }
    }));
    env.post.bind(service::membership, no_group_number, actor);
    return actor;
  });
  if (started_by) {
    add("host_watch", [&, host = *started_by, drain_node] {
      return caf::actor_cast<caf::actor>(spawn_host_watch(node.system(), env, {host, drain_node}));
    });
  }
  const auto& s = env.config.supervision;
  root.restarts = {s.restarts_max, s.restart_period, s.restart_delay, s.restart_delay_max};
  root.end_node = [&node](int exit_code) { node.request_end(exit_code); };
  return root;
}

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

  auto root =
      spawn_root(node.system(), env, children_of(node, started_by, board, *state, [] { ::kill(::getpid(), SIGTERM); }));
  env.post.bind(service::node, no_group_number, caf::actor_cast<caf::actor>(root));
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
