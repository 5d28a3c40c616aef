#include "actors/root/root.hpp"

#include <map>

namespace troupe {
namespace {

struct root_state {
  static inline const char* name = "root";

  root_state(root_actor::pointer self_actor, environment& environment_, root_config config_)
      : self(self_actor),
        env(environment_),
        config(std::move(config_)),
        restarts(config.restarts),
        deaths(config.children.size()) {}

  root_actor::behavior_type make_behavior() {
    self->set_exit_handler([this](const caf::exit_msg& exit) { on_exit(exit); });
    for (uint32_t i = 0; i < config.children.size(); ++i) start(i);
    return {
        [this](const tick& timer) { start(timer.which); },
        [this](const describe& wanted) { on_describe(wanted); },
    };
  }

  void start(uint32_t index) {
    auto child = config.children[index].spawn();
    running[child.address()] = index;
    self->link_to(child);
  }

  void on_exit(const caf::exit_msg& exit) {
    auto at = running.find(exit.source);
    if (at == running.end()) {
      self->quit(exit.reason);  // the node ends
      return;
    }
    uint32_t index = at->second;
    running.erase(at);
    ++deaths[index];
    const auto& child = config.children[index];
    auto delay = restarts.restart(env.clock.now());
    if (!delay) {
      env.log.error("root.gave_up", {{"actor", child.name}, {"restarts", restarts.restarts_total()}});
      config.end_node(1);
      return;
    }
    env.log.error("root.restarts_actor", {{"actor", child.name}, {"why", caf::to_string(exit.reason)}});
    tell_after(caf::actor_cast<root_actor>(self), *delay, tick{index});
  }

  void on_describe(const describe& wanted) {
    tree_part part;
    part.correlation = wanted.correlation;
    part.from = service::node;
    for (const auto& child : config.children) {
      part.entries.push_back({1, "actor", child.name, "away", 0, deaths[part.entries.size()], 0, ""});
    }
    for (const auto& [address, index] : running) part.entries[index].state = "running";
    tell(wanted.reply_to, std::move(part));
  }

  root_actor::pointer self;
  environment& env;
  root_config config;
  restart_intensity restarts;
  std::map<caf::actor_addr, uint32_t> running;
  /// Of each child.
  std::vector<uint32_t> deaths;
};

}  // namespace

root_actor spawn_root(caf::actor_system& system, environment& env, root_config config) {
  return system.spawn<root_actor::stateful_impl<root_state>>(std::ref(env), std::move(config));
}

}  // namespace troupe
