#include "actors/router/router.hpp"

#include <algorithm>
#include <list>

#include "actors/router/group_progress.hpp"
#include "actors/router/routing_table.hpp"
#include "base/buggify.hpp"
#include "base/planted_bug.hpp"

namespace troupe {
namespace {

struct router_state {
  static inline const char* name = "router";

  router_state(router_actor::pointer self_actor, environment& environment_, router_config config_,
               const std::vector<group_spec>& groups_, status_board& board_)
      : self(self_actor), env(environment_), config(config_), groups(groups_), board(board_), table(groups_) {}

  router_actor::behavior_type make_behavior() {
    tell_after(handle(), config.check_interval, tick{});
    return {
        [this](const route_request& request) { on_request(request); },
        [this](const route_done& done) { on_done(done.stream); },
        [this](const group_state& state) { on_state(state); },
        [this](const inbound& message) { on_inbound(message); },
        [this](const node_up& up) { on_link(up.peer, true); },
        [this](const node_lost& lost) { on_link(lost.peer, false); },
        [this](const tick&) { on_tick(); },
    };
  }

  router_actor handle() { return caf::actor_cast<router_actor>(self); }

  void on_request(const route_request& request) {
    on_done(request.stream);
    if (!try_route(request)) {
      if (waiting.size() >= config.waiting_max) {
        answer(request, error{errc::overloaded, std::to_string(waiting.size()) + " streams wait for a group already"});
      } else {
        if (!makes(planted_bug::forget_waiting_route)) waiting.push_back(request);
      }
    }
  }

  // False where it has to wait for a group.
  bool try_route(const route_request& request) {
    auto target = table.choose(request.deployment, request.fingerprint, request.tokens);
    if (!target && target.err().code == errc::no_group && env.clock.now() < request.deadline) return false;
    if (!target) {
      answer(request, target.err());
      return true;
    }
    routed[request.stream] = {target->group, target->generation};
    route_decision decision;
    decision.stream = request.stream;
    decision.found = true;
    decision.group = target->group;
    decision.generation = target->generation;
    decision.fingerprint = target->fingerprint;
    decision.leader = target->leader;
    tell(request.reply_to, decision);
    return true;
  }

  void answer(const route_request& request, error why) {
    route_decision decision;
    decision.stream = request.stream;
    decision.why = std::move(why);
    tell(request.reply_to, decision);
  }

  void on_done(stream_id stream) {
    waiting.remove_if([&](const route_request& r) { return r.stream == stream; });
    auto at = routed.find(stream);
    if (at == routed.end()) return;
    table.release(at->second.group, at->second.generation);
    routed.erase(at);
  }

  void on_state(const group_state& state) {
    lost(table.on_state(state));
    serve_waiting();
  }

  void on_link(const peer_identity& peer, bool up) {
    if (peer.role != "rank") return;
    lost(table.on_link(peer.node, up));
    serve_waiting();
  }

  void lost(const std::optional<routing_table::incarnation>& gone) {
    if (gone) tell(env.post.local(service::requests), group_lost{gone->group, gone->generation});
  }

  void on_inbound(const inbound& message) {
    const auto* load = std::get_if<group_load>(&message.body());
    auto group = message.head().group;
    if (!load) return;
    if (!table.on_load(group, message.head().generation, *load)) {
      // Ordinary between a group's bump and its zombie's end; also before its supervisor has told the generation.
      env.metrics.frame_refused("generation");
      return;
    }
    progress.try_emplace(group, config.report_timeout).first->second.note(*load, env.clock.now());
    env.metrics.load_reported(groups[group].name, *load);
    if (!buggify(buggify_point::routing_late)) serve_waiting();
  }

  void serve_waiting() {
    for (auto it = waiting.begin(); it != waiting.end();) it = try_route(*it) ? waiting.erase(it) : std::next(it);
  }

  void on_tick() {
    serve_waiting();
    for (const auto& idle : table.idle_draining()) {
      tell(env.post.local(service::group_supervisor, idle.group), group_idle{idle.group, idle.generation});
    }
    write_status();
    tell_after(handle(), config.check_interval, tick{});
  }

  // Ready is more than "a process runs".
  void write_status() {
    std::string missing;
    std::map<std::string, bool> deployments;
    for (const auto& group : groups) {
      auto p = progress.find(group.number);
      bool good = table.is_ready(group.number) && p != progress.end() && p->second.advances(env.clock.now());
      env.metrics.group_is_ready(group.name, good);
      deployments[group.deployment->name] |= good;
    }
    for (const auto& [deployment, good] : deployments) {
      if (!good) missing += (missing.empty() ? "no group is ready of " : ", ") + deployment;
    }
    board.set_ready(missing.empty(), missing);
  }

  router_actor::pointer self;
  environment& env;
  router_config config;
  const std::vector<group_spec>& groups;
  status_board& board;
  routing_table table;
  std::list<route_request> waiting;
  std::map<stream_id, routing_table::incarnation> routed;
  std::map<group_number, group_progress> progress;
};

using router_impl = router_actor::stateful_impl<router_state>;

}  // namespace

router_actor spawn_router(caf::actor_system& system, environment& env, router_config config,
                          const std::vector<group_spec>& groups, status_board& board) {
  auto actor = system.spawn<router_impl>(std::ref(env), config, std::cref(groups), std::ref(board));
  env.post.bind(service::router, no_group_number, caf::actor_cast<caf::actor>(actor));
  env.post.watch_nodes(service::router, no_group_number);
  return actor;
}

}  // namespace troupe
