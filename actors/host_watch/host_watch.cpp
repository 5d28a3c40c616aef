#include "actors/host_watch/host_watch.hpp"

#include <algorithm>

namespace troupe {
namespace {

struct host_watch_state {
  static inline const char* name = "host_watch";

  host_watch_state(host_watch_actor::pointer self_actor, environment& environment_, host_watch_config config_)
      : self(self_actor),
        env(environment_),
        config(std::move(config_)),
        interval(std::min<duration>(env.config.supervision.orphan_timeout / 4, std::chrono::milliseconds(500))) {}

  host_watch_actor::behavior_type make_behavior() {
    look_later();
    return {[this](const tick&) { look(); }};
  }

  void look_later() { tell_after(caf::actor_cast<host_watch_actor>(self), interval, tick{}); }

  void look() {
    // Looks are counted, not time: one who was stopped for a while himself has first to link again.
    alone = env.post.is_up(config.host) ? duration{} : alone + interval;
    if (alone > env.config.supervision.orphan_timeout) {
      env.log.warn("host.lost", {{"host", config.host}, {"ms", alone / std::chrono::milliseconds(1)}});
      return config.drain_node();
    }
    look_later();
  }

  host_watch_actor::pointer self;
  environment& env;
  host_watch_config config;
  duration interval;
  duration alone{};
};

}  // namespace

host_watch_actor spawn_host_watch(caf::actor_system& system, environment& env, host_watch_config config) {
  return system.spawn<host_watch_actor::stateful_impl<host_watch_state>>(std::ref(env), std::move(config));
}

}  // namespace troupe
