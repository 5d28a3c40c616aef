#include "actors/assembly/gateway_actors.hpp"

#include "actors/controller/controller.hpp"
#include "actors/host_watch/host_watch.hpp"
#include "actors/membership/membership.hpp"
#include "actors/requests/requests.hpp"
#include "actors/router/router.hpp"

namespace troupe {
namespace {

std::vector<root_config::child> children_of(const gateway_parts& parts) {
  std::vector<root_config::child> children;
  const auto add = [&](const char* name, std::function<caf::actor()> spawn) {
    children.push_back({name, std::move(spawn)});
  };
  add("requests", [parts] { return caf::actor_cast<caf::actor>(spawn_requests(parts.system, parts.env, {})); });
  add("router", [parts] {
    router_config for_it;
    for_it.report_timeout = parts.env.config.supervision.heartbeat_timeout;
    return caf::actor_cast<caf::actor>(spawn_router(parts.system, parts.env, for_it, parts.groups, parts.board));
  });
  add("controller", [parts] {
    controller_config for_it;
    for_it.pid = parts.pid;
    for_it.drain_node = parts.drain_node;
    return caf::actor_cast<caf::actor>(
        spawn_controller(parts.system, parts.env, std::move(for_it), parts.groups, parts.state));
  });
  add("membership", [parts] {
    const auto on_silent = [&post = parts.env.post, &groups = parts.groups](const node_silent& silent) {
      if (auto rank = find_rank(groups, silent.peer.node))
        tell(post.local(service::group_supervisor, rank->group), silent);
    };
    return caf::actor_cast<caf::actor>(spawn_membership(parts.system, parts.env, on_silent));
  });
  if (parts.started_by) {
    add("host_watch", [parts] {
      return caf::actor_cast<caf::actor>(
          spawn_host_watch(parts.system, parts.env, {*parts.started_by, parts.drain_node}));
    });
  }
  return children;
}

}  // namespace

root_actor spawn_gateway_actors(const gateway_parts& parts) {
  const auto& s = parts.env.config.supervision;
  root_config root;
  root.children = children_of(parts);
  root.restarts = {s.restarts_max, s.restart_period, s.restart_delay, s.restart_delay_max};
  root.end_node = parts.end_node;
  auto actor = spawn_root(parts.system, parts.env, std::move(root));
  parts.env.post.bind(service::node, no_group_number, caf::actor_cast<caf::actor>(actor));
  return actor;
}

}  // namespace troupe
