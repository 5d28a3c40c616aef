#include "actors/controller/controller.hpp"

#include <algorithm>
#include <map>

#include "actors/controller/lease.hpp"
#include "actors/group_supervisor/group_supervisor.hpp"
#include "base/buggify.hpp"
#include "base/planted_bug.hpp"

namespace troupe {
namespace {

enum : uint32_t { lease_tick, first_answer_tick };
/// And the number of the group.
constexpr uint32_t restart_tick = 1U << 31;

struct controller_state {
  static inline const char* name = "controller";

  // An operator's question, until all that were asked have answered.
  struct question {
    node_name from;
    uint64_t correlation = 0;
    size_t expected = 0;
    size_t answered = 0;
    /// From host agents, this node's root and the groups' supervisors.
    std::map<service, std::vector<std::vector<tree_entry>>> parts;
  };

  controller_state(controller_actor::pointer self_actor, environment& environment_, controller_config config_,
                   const std::vector<group_spec>& groups_, store& state_)
      : self(self_actor),
        env(environment_),
        config(std::move(config_)),
        groups(groups_),
        entries(state_),
        control(state_, "lease/controller", env.post.self().node, config.lease_term),
        restarts(limits(env.config)) {}

  static restart_limits limits(const cluster_config& c) {
    const auto& s = c.supervision;
    return {s.restarts_max, s.restart_period, s.restart_delay, s.restart_delay_max};
  }

  controller_actor::behavior_type make_behavior() {
    self->set_exit_handler([this](const caf::exit_msg& exit) { on_exit(exit); });
    keep_lease();
    return {
        [this](const inbound& message) { on_inbound(message); },
        [this](const tree_part& part) { on_part(part.correlation, part.from, part.entries); },
        [this](const tick& timer) {
          if (timer.which == lease_tick) {
            keep_lease();
          } else if (timer.which >= restart_tick) {
            restart(timer.which - restart_tick);
          } else {
            finish(timer.which);
          }
        },
    };
  }

  controller_actor handle() { return caf::actor_cast<controller_actor>(self); }

  // ---- control ----

  void keep_lease() {
    tell_after(handle(), config.lease_term / 6, tick{lease_tick});
    bool had = control.held();
    if (had && buggify(buggify_point::renewal_late)) return;
    auto held = control.keep(env.clock.now());
    if (!held) env.log.error("controller.store_failed", {{"why", held.err().message()}});
    if (control.held() && !had) {
      env.log.info("controller.took_lease", {{"revision", control.revision()}});
      for (const auto& group : groups) supervise(group);
    } else if (!control.held() && had) {
      env.log.warn("controller.lost_lease", {});
      // Not `kill`: CAF lets those that are linked die of it too, here this actor and its parent.
      for (auto& [address, group] : supervisors) caf::anon_send_exit(address, caf::exit_reason::user_shutdown);
    }
  }

  void supervise(const group_spec& group) {
    const auto& s = env.config.supervision;
    group_supervisor_config for_it;
    for_it.group = &group;
    for_it.life.ranks = group.ranks();
    for_it.life.restarts = limits(env.config);
    for_it.life.start_timeout = s.start_timeout;
    for_it.life.drain_timeout = s.drain_timeout;
    for_it.fenced_kill_delay = s.fenced_kill_delay;
    auto actor = spawn_group_supervisor(self->home_system(), env, for_it, entries);
    supervisors[actor.address()] = group.number;
    self->link_to(actor);
  }

  void on_exit(const caf::exit_msg& exit) {
    auto at = supervisors.find(exit.source);
    if (at == supervisors.end()) {
      self->quit(exit.reason);  // the node ends
      return;
    }
    auto group = at->second;
    supervisors.erase(at);
    // The lease was lost and taken again.
    if (is_supervised(group)) return;
    env.post.bind(service::group_supervisor, group, {});
    if (!control.held()) return;
    const auto delay = restarts.restart(env.clock.now());
    if (!delay) {
      env.log.error("controller.gave_up", {{"group", groups[group].name}});
      self->quit(caf::make_error(caf::sec::runtime_error));
      return;
    }
    tell_after(handle(), makes(planted_bug::restart_without_delay) ? duration{} : *delay, tick{restart_tick + group});
  }

  bool is_supervised(group_number group) const {
    return std::any_of(supervisors.begin(), supervisors.end(), [&](const auto& s) { return s.second == group; });
  }

  void restart(group_number group) {
    // Without the lease nobody supervises here; and who took it again has started one.
    if (!control.held() || is_supervised(group)) return;
    env.log.warn("controller.supervisor_restarted", {{"group", groups[group].name}});
    supervise(groups[group]);
  }

  // ---- operators ----

  void on_inbound(const inbound& message) {
    if (std::holds_alternative<describe_request>(message.body())) {
      on_describe(message.from().node, message.head().correlation);
    } else if (const auto* wanted = std::get_if<drain_request>(&message.body())) {
      on_drain(message.from().node, message.head().correlation, wanted->target);
    } else if (const auto* described = std::get_if<description>(&message.body())) {
      on_part(message.head().correlation, service::host_agent, described->tree);
    }
  }

  void on_describe(const node_name& from, uint64_t correlation) {
    auto number = next_question++;
    auto& q = questions[number];
    q.from = from;
    q.correlation = correlation;
    envelope_head head;
    head.to = service::host_agent;
    head.correlation = number;
    for (const auto& host : env.config.hosts) {
      if (env.post.send(host.name, head, describe_request{})) ++q.expected;
    }
    auto ask = [&](const caf::actor& whom) {
      if (!whom) return;
      tell(whom, describe{number, caf::actor_cast<caf::actor>(self)});
      ++q.expected;
    };
    ask(env.post.local(service::node));
    for (const auto& [address, group] : supervisors) ask(env.post.local(service::group_supervisor, group));
    tell_after(handle(), config.describe_timeout, tick{static_cast<uint32_t>(number)});
  }

  void on_part(uint64_t number, service from, const std::vector<tree_entry>& part) {
    auto at = questions.find(number);
    if (at == questions.end()) return;
    auto& q = at->second;
    if (!part.empty()) q.parts[from].push_back(part);
    if (++q.answered >= q.expected) finish(number);
  }

  void finish(uint64_t number) {
    auto at = questions.find(number);
    if (at == questions.end()) return;
    auto q = std::move(at->second);
    questions.erase(at);
    auto by_name = [](const auto& a, const auto& b) { return a.front().name < b.front().name; };
    for (auto& [from, parts] : q.parts) std::sort(parts.begin(), parts.end(), by_name);
    description d;
    auto append = [&](service from, uint32_t deeper) {
      for (auto& part : q.parts[from]) {
        for (auto& entry : part) entry.depth += deeper;
        d.tree.insert(d.tree.end(), part.begin(), part.end());
      }
    };
    d.tree.push_back({0, "cluster", env.config.name, "running", 0, 0, 0, ""});
    append(service::host_agent, 0);
    d.tree.push_back(
        {1, "node", env.post.self().node, control.held() ? "in control" : "standing by", 0, 0, config.pid, ""});
    append(service::node, 1);
    append(service::group_supervisor, 1);
    reply(q.from, q.correlation, std::move(d));
  }

  void on_drain(const node_name& from, uint64_t correlation, const std::string& target) {
    description d;
    auto group = std::find_if(groups.begin(), groups.end(), [&](const auto& g) { return g.name == target; });
    if (target == env.post.self().node) {
      d.tree.push_back({0, "node", target, "draining", 0, 0, config.pid, ""});
      reply(from, correlation, std::move(d));
      config.drain_node();
      return;
    }
    if (group == groups.end()) {
      std::string known = env.post.self().node;
      for (const auto& g : groups) known += ", " + g.name;
      d.failed = true;
      d.why = {errc::not_found, "nothing called \"" + target + "\" can be drained here; there is " + known};
    } else if (auto supervisor = env.post.local(service::group_supervisor, group->number)) {
      tell(supervisor, drain{target});
      d.tree.push_back({0, "group", target, "draining", 0, 0, 0, ""});
    } else {
      d.failed = true;
      d.why = {errc::unavailable, "this node does not have control"};
    }
    reply(from, correlation, std::move(d));
  }

  void reply(const node_name& to, uint64_t correlation, description d) {
    envelope_head head;
    head.to = service::ctl;
    head.correlation = correlation;
    (void)env.post.send(to, head, std::move(d));  // an operator who left has no use for it
  }

  controller_actor::pointer self;
  environment& env;
  controller_config config;
  const std::vector<group_spec>& groups;
  store& entries;
  lease control;
  restart_intensity restarts;
  std::map<caf::actor_addr, group_number> supervisors;
  std::map<uint64_t, question> questions;
  uint64_t next_question = first_answer_tick;
};

}  // namespace

controller_actor spawn_controller(caf::actor_system& system, environment& env, controller_config config,
                                  const std::vector<group_spec>& groups, store& state) {
  auto actor = system.spawn<controller_actor::stateful_impl<controller_state>>(std::ref(env), std::move(config),
                                                                               std::cref(groups), std::ref(state));
  env.post.bind(service::controller, no_group_number, caf::actor_cast<caf::actor>(actor));
  return actor;
}

}  // namespace troupe
