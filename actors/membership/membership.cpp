#include "actors/membership/membership.hpp"

#include "actors/membership/silence_detector.hpp"

namespace troupe {
namespace {

struct membership_state {
  static inline const char* name = "membership";

  membership_state(membership_actor::pointer self_actor, environment& environment_,
                   std::function<void(const node_silent&)> on_silent_)
      : self(self_actor),
        env(environment_),
        on_silent(std::move(on_silent_)),
        interval(env.config.supervision.heartbeat_interval),
        detector(interval, env.config.supervision.heartbeat_timeout) {}

  membership_actor::behavior_type make_behavior() {
    beat();
    return {[this](const tick&) { beat(); }};
  }

  void beat() {
    envelope_head head;
    head.to = service::membership;
    std::vector<silence_detector::sign> signs;
    for (const auto& peer : env.post.peers()) {
      // A link that takes nothing more will be seen by the other side's silence, or by its own end.
      (void)env.post.send(peer.node, head, heartbeat{++sequence});
      if (auto heard = env.post.last_heard(peer.node)) signs.push_back({peer.node, peer.incarnation, *heard});
    }
    for (const auto& silent : detector.check(env.clock.now(), signs)) {
      env.log.warn("membership.silent", {{"peer", silent.node}, {"ms", silent.since / std::chrono::milliseconds(1)}});
      node_silent told;
      told.peer.node = silent.node;
      told.peer.incarnation = silent.incarnation;
      told.since = silent.since;
      on_silent(told);
    }
    tell_after(caf::actor_cast<membership_actor>(self), interval, tick{});
  }

  membership_actor::pointer self;
  environment& env;
  std::function<void(const node_silent&)> on_silent;
  duration interval;
  silence_detector detector;
  uint64_t sequence = 0;
};

}  // namespace

membership_actor spawn_membership(caf::actor_system& system, environment& env,
                                  std::function<void(const node_silent&)> on_silent) {
  auto actor = system.spawn<membership_actor::stateful_impl<membership_state>>(std::ref(env), std::move(on_silent));
  env.post.bind(service::membership, no_group_number, caf::actor_cast<caf::actor>(actor));
  return actor;
}

}  // namespace troupe
