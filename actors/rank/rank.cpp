#include "actors/rank/rank.hpp"

#include <algorithm>
#include <set>

#include "actors/runtime/orphan_watch.hpp"
#include "base/planted_bug.hpp"

namespace troupe {
namespace {

enum : uint32_t { orphan_tick, end_tick };

// Time for the last envelope to leave before the process ends.
constexpr auto farewell = std::chrono::milliseconds(50);

struct rank_state {
  static inline const char* name = "rank";

  rank_state(rank_actor::pointer self_actor, environment& environment_, rank_config config_, compute& device_)
      : self(self_actor),
        env(environment_),
        config(std::move(config_)),
        device(device_),
        started(env.clock.now()),
        orphan(env.config.supervision.orphan_timeout) {}

  rank_actor::behavior_type make_behavior() {
    if (!config.listening) open_device(std::nullopt);
    tell_after(handle(), orphan.interval(), tick{orphan_tick});
    return {
        [this](const compute_opened& opened) { on_opened(*opened.outcome); },
        [this](const compute_ended& ended) { fail(ended.why); },
        [this](const node_up& up) { on_up(up.peer); },
        [this](const node_lost& lost) { gateways.erase(lost.peer.node); },
        [this](const inbound& message) { on_inbound(message); },
        [this](const terminate_node&) { on_terminate(); },
        [this](const tick& timer) { on_tick(timer.which); },
    };
  }

  rank_actor handle() { return caf::actor_cast<rank_actor>(self); }

  envelope_head head_to_supervisor() const {
    envelope_head head;
    head.to = service::group_supervisor;
    head.group = config.group->number;
    head.generation = config.generation;
    return head;
  }

  void open_device(std::optional<group_meeting> meeting) {
    opening = true;
    device.open(std::move(meeting), [to = handle()](result<compute_facts> outcome) {
      tell(to, compute_opened{std::make_shared<const result<compute_facts>>(std::move(outcome))});
    });
  }

  void on_inbound(const inbound& message) {
    const auto* meeting = std::get_if<group_meeting>(&message.body());
    if (meeting == nullptr) return;
    if (message.head().generation != config.generation) return env.metrics.frame_refused("generation");
    // Told again where it was asked for twice.
    if (!opening && !failed) open_device(*meeting);
  }

  void on_opened(const result<compute_facts>& outcome) {
    if (!outcome) return fail(outcome.err());
    facts = *outcome;
    load_time = env.clock.now() - started;
    env.log.info("rank.ready", {{"rank", config.rank},
                                {"generation", config.generation},
                                {"ms", load_time / std::chrono::milliseconds(1)},
                                {"fingerprint", facts->fingerprint}});
    if (config.rank == 0) {
      lead();
    } else {
      device.follow([to = handle()](error why) { tell(to, compute_ended{std::move(why)}); });
    }
    tell_supervisor();
  }

  void lead() {
    const auto& deployment = *config.group->deployment;
    group_leader_config for_it;
    for_it.group = config.group->number;
    for_it.generation = config.generation;
    for_it.limits.context_max = facts->context_max;
    for_it.limits.vocab_size = facts->vocab_size;
    for_it.limits.kv_pages = facts->kv_pages;
    for_it.limits.sequences_max = deployment.sequences_max;
    for_it.limits.waiting_max = deployment.waiting_max;
    for_it.limits.step_tokens_max = deployment.step_tokens_max;
    for_it.limits.prefix_cache = deployment.prefix_cache;
    for_it.limits.draft_tokens_max = deployment.speculation == "ngram" ? deployment.draft_tokens_max : 0;
    for_it.limits.draft_match_min = deployment.draft_match_min;
    for_it.limits.embeddings_max =
        std::max(1U, embedding_step_bytes_max / static_cast<uint32_t>(sizeof(float)) / std::max(1U, facts->hidden));
    for_it.step_timeout = env.config.supervision.step_timeout;
    for_it.on_failure = [to = handle()](error why) { tell(to, compute_ended{std::move(why)}); };
    auto actor = spawn_group_leader(self->home_system(), env, std::move(for_it), device);
    // Its end is this rank's end.
    self->link_to(actor);
    leader = actor;
  }

  rank_ready ready_message() const {
    rank_ready ready;
    ready.rank = config.rank;
    ready.pid = config.pid;
    ready.fingerprint = facts->fingerprint;
    ready.kv_pages = facts->kv_pages;
    ready.context_max = facts->context_max;
    ready.weights_bytes = facts->weights_bytes;
    ready.load_ms = static_cast<uint64_t>(load_time / std::chrono::milliseconds(1));
    return ready;
  }

  // Where it listens, or that it is ready. Again and again: a supervisor that was started anew has to learn of this
  // rank, whether its gateway was too or the link stayed; and when a link comes up, it may not be there yet.
  void tell_supervisor() {
    if (config.listening && !opening && !failed && !terminating) {
      env.post.send_to_role("gateway", head_to_supervisor(), rank_listening{config.rank, *config.listening});
    }
    if (facts && !failed && !terminating) env.post.send_to_role("gateway", head_to_supervisor(), ready_message());
  }

  void on_up(const peer_identity& peer) {
    if (peer.role != "gateway") return;
    gateways.insert(peer.node);
    tell_supervisor();
  }

  void on_tick(uint32_t which) {
    if (which == end_tick) return config.end_node(exit_code);
    if (orphan.look(!gateways.empty()) && !makes(planted_bug::keep_older_ranks)) {
      return fail({errc::unavailable, "no gateway has been linked for " +
                                          std::to_string(orphan.alone() / std::chrono::milliseconds(1)) + " ms"});
    }
    tell_supervisor();
    tell_after(handle(), orphan.interval(), tick{orphan_tick});
  }

  void on_terminate() {
    if (std::exchange(terminating, true)) return;
    env.log.info("rank.leaving", {{"rank", config.rank}});
    if (gateways.empty() || !facts) {
      exit_code = 0;
      return config.end_node(0);
    }
    env.post.send_to_role("gateway", head_to_supervisor(), rank_leaving{config.rank});
    // The supervisor drains the group, then ends it for good; this is for when nobody does.
    exit_code = 0;
    tell_after(handle(), env.config.supervision.drain_timeout + std::chrono::seconds(5), tick{end_tick});
  }

  void fail(const error& why) {
    if (std::exchange(failed, true)) return;
    env.log.warn("rank.failed", {{"rank", config.rank}, {"generation", config.generation}, {"why", why.message()}});
    device.abort(why.message());
    env.post.send_to_role("gateway", head_to_supervisor(), rank_failed{config.rank, why});
    exit_code = 1;
    tell_after(handle(), farewell, tick{end_tick});
  }

  rank_actor::pointer self;
  environment& env;
  rank_config config;
  compute& device;
  instant started;
  orphan_watch orphan;
  duration load_time{};
  std::optional<compute_facts> facts;
  std::set<node_name> gateways;
  group_leader_actor leader;
  bool opening = false;
  bool failed = false;
  bool terminating = false;
  int exit_code = 0;
};

}  // namespace

rank_actor spawn_rank(caf::actor_system& system, environment& env, rank_config config, compute& device) {
  auto group = config.group->number;
  auto actor = system.spawn<rank_actor::stateful_impl<rank_state>>(std::ref(env), std::move(config), std::ref(device));
  env.post.bind(service::node, group, caf::actor_cast<caf::actor>(actor));
  env.post.watch_nodes(service::node, group);
  return actor;
}

}  // namespace troupe
