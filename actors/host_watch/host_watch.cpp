#include "actors/host_watch/host_watch.hpp"

#include <utility>

#include "actors/runtime/orphan_watch.hpp"

namespace troupe {
namespace {

struct host_watch_state {
  static inline const char* name = "host_watch";

  host_watch_state(host_watch_actor::pointer self_actor, environment& environment_, host_watch_config config_)
      : self(self_actor),
        env(environment_),
        config(std::move(config_)),
        orphan(env.config.supervision.orphan_timeout) {}

  host_watch_actor::behavior_type make_behavior() {
    look_later();
    return {[this](const tick&) { look(); }};
  }

  void look_later() { tell_after(caf::actor_cast<host_watch_actor>(self), orphan.interval(), tick{}); }

  void look() {
    // Once. It goes on looking: an actor that waits for nothing ends, and its parent would start it again.
    if (orphan.look(env.post.is_up(config.host)) && !std::exchange(told, true)) {
      env.log.warn("host.lost", {{"host", config.host}, {"ms", orphan.alone() / std::chrono::milliseconds(1)}});
      config.drain_node();
    }
    look_later();
  }

  host_watch_actor::pointer self;
  environment& env;
  host_watch_config config;
  orphan_watch orphan;
  bool told = false;
};

}  // namespace

host_watch_actor spawn_host_watch(caf::actor_system& system, environment& env, host_watch_config config) {
  return system.spawn<host_watch_actor::stateful_impl<host_watch_state>>(std::ref(env), std::move(config));
}

}  // namespace troupe
