#include "actors/group_leader/group_leader.hpp"

#include <map>

#include "actors/group_leader/step_allowance.hpp"
#include "actors/group_leader/step_times.hpp"
#include "base/buggify.hpp"
#include "base/planted_bug.hpp"

namespace troupe {
namespace {

struct group_leader_state {
  static inline const char* name = "group_leader";

  struct running_step {
    instant started;
    uint32_t tokens = 0;
    duration allowed{};
  };

  group_leader_state(group_leader_actor::pointer self_actor, environment& environment_, group_leader_config config_,
                     compute& device_)
      : self(self_actor),
        env(environment_),
        config(std::move(config_)),
        device(device_),
        streams(config.limits),
        allowance(config.step_timeout) {}

  group_leader_actor::behavior_type make_behavior() {
    report();
    tell_after(handle(), config.report_interval, tick{});
    return {
        [this](const inbound& message) { on_inbound(message); },
        [](const node_up&) {},
        [this](const node_lost& lost) { on_gateway_lost(lost.peer); },
        [this](const compute_stepped& step) { on_step(*step.outcome); },
        [this](const tick&) { on_tick(); },
        [this](const terminate_node&) { draining = true; },
    };
  }

  group_leader_actor handle() { return caf::actor_cast<group_leader_actor>(self); }

  envelope_head head_to(service to) const {
    envelope_head head;
    head.to = to;
    head.group = config.group;
    head.generation = config.generation;
    return head;
  }

  void on_inbound(const inbound& message) {
    const auto* wanted = std::get_if<generate>(&message.body());
    const auto* cancelled = std::get_if<cancel_stream>(&message.body());
    if (wanted) {
      stream_key key{message.from().node, message.from().incarnation, wanted->stream};
      if (makes(planted_bug::ignore_incarnation)) key.incarnation = 0;
      auto taken = admit(key, message.head(), *wanted);
      if (taken) {
        step(env.clock.now());
      } else {
        refuse(key, taken.err());
      }
    } else if (cancelled && message.head().generation == config.generation && !makes(planted_bug::ignore_cancel)) {
      streams.cancel({message.from().node, message.from().incarnation, cancelled->stream});
    }
  }

  result<void> admit(const stream_key& key, const envelope_head& head, const generate& wanted) {
    // The same message a second time.
    if (streams.has(key)) return {};
    if (head.generation != config.generation) {
      return {errc::fenced, "this is generation " + std::to_string(config.generation) + " of the group, not " +
                                std::to_string(head.generation)};
    }
    if (draining) return {errc::draining, "the group takes no new streams"};
    if (failed) return {errc::unavailable, "the group is ending"};
    auto now = env.clock.now();
    bool has_deadline = head.time_left_ms != 0;
    return streams.admit(key, wanted, now,
                         has_deadline ? now + std::chrono::milliseconds(head.time_left_ms) : instant::max());
  }

  void refuse(const stream_key& key, const error& why) {
    step_tokens answer;
    answer.refused.push_back({key.stream, why});
    (void)send_tokens(key.gateway, std::move(answer));
  }

  result<void> send_tokens(const node_name& gateway, step_tokens tokens) {
    auto sent = env.post.send(gateway, head_to(service::requests), std::move(tokens));
    // A gateway that does not read loses its link, and with it its streams here: it takes them up again elsewhere.
    if (!sent && sent.err().code == errc::overloaded) env.post.disconnect(gateway, "it does not read its tokens");
    return sent;
  }

  void send_step(const node_name& gateway, step_tokens tokens) {
    if (!buggify(buggify_point::tokens_apart)) return (void)send_tokens(gateway, std::move(tokens));
    for (auto& each : tokens.tokens) {
      step_tokens one;
      one.step = tokens.step;
      one.tokens.push_back(std::move(each));
      (void)send_tokens(gateway, std::move(one));
    }
  }

  // Each in an envelope of its own: a frame's bound need not hold a step's.
  void send_embedding(const stream_key& key, uint64_t step_number, stream_embedding embedding) {
    const size_t numbers = embedding.values.size();
    step_tokens answer;
    answer.step = step_number;
    answer.embeddings.push_back(std::move(embedding));
    auto sent = send_tokens(key.gateway, std::move(answer));
    if (sent || sent.err().code != errc::payload_too_large) return;
    refuse(key, {errc::not_supported, "an embedding of " + std::to_string(numbers) +
                                          " numbers does not fit one message between nodes (transport.frameBytesMax)"});
  }

  void on_gateway_lost(const peer_identity& peer) {
    if (peer.role != "gateway" || makes(planted_bug::keep_streams_of_lost_gateway)) return;
    if (auto count = streams.cancel_all(peer.node, peer.incarnation); count > 0) {
      env.log.info("group_leader.streams_cancelled", {{"gateway", peer.node}, {"count", uint64_t{count}}});
    }
  }

  /// The next one, if there is something to do; this group has been busy with it from `since` on.
  void step(instant since) {
    if (failed) return;
    auto request = streams.plan(env.clock.now());
    for (const auto& key : streams.take_expired()) {
      refuse(key, {errc::deadline_exceeded, "the deadline passed while the stream waited for a place in the batch"});
    }
    if (!request) return;
    running = begin(request->plan);
    busy_since = since;
    request->deadline = running->allowed;
    device.submit(std::move(*request), [to = handle()](result<step_result> outcome) {
      tell(to, compute_stepped{std::make_shared<const result<step_result>>(std::move(outcome))});
    });
  }

  running_step begin(const step_plan& plan) const {
    running_step step{env.clock.now(), 0, {}};
    for (const auto& sequence : plan.sequences) step.tokens += static_cast<uint32_t>(sequence.tokens.size());
    step.allowed = allowance.of(step.tokens);
    return step;
  }

  void on_step(const result<step_result>& outcome) {
    if (failed) return;
    if (!outcome) return fail(outcome.err());
    const instant now = env.clock.now();
    busy += now - busy_since;
    in_model += outcome->in_model;
    times.add(outcome->took);
    allowance.add(running->tokens, outcome->took);
    running.reset();
    std::map<node_name, step_tokens> by_gateway;
    for (auto& [key, token] : streams.apply(*outcome)) {
      if (makes(planted_bug::lose_final_token) && token.finish == finish_reason::length) continue;
      auto& tokens = by_gateway[key.gateway];
      tokens.step = outcome->number;
      tokens.tokens.push_back(std::move(token));
    }
    auto embeddings = streams.take_embeddings();
    // The next step runs while this one's tokens are encoded and sent.
    step(now);
    for (auto& [gateway, tokens] : by_gateway) send_step(gateway, std::move(tokens));
    for (auto& [key, embedding] : embeddings) send_embedding(key, outcome->number, std::move(embedding));
  }

  void fail(const error& why) {
    failed = true;
    config.on_failure(why);
  }

  // A rank that others wait for is named by the communicator, at the same deadline: it gets a moment to do so.
  void watch_step() {
    if (failed || !running) return;
    auto took = env.clock.now() - running->started;
    if (took <= running->allowed + 2 * config.report_interval) return;
    fail({errc::deadline_exceeded, "a step of " + std::to_string(running->tokens) + " tokens has not ended after " +
                                       std::to_string(took / std::chrono::milliseconds(1)) + " ms"});
  }

  void on_tick() {
    watch_step();
    report();
    tell_after(handle(), config.report_interval, tick{});
  }

  void report() {
    if (buggify(buggify_point::report_lost)) return;
    auto load = streams.load();
    load.steps = device.steps_finished();
    load.step_us_p50 = times.percentile_us(0.5);
    load.step_us_p99 = times.percentile_us(0.99);
    load.busy_us = static_cast<uint64_t>(busy / std::chrono::microseconds(1));
    load.model_us = static_cast<uint64_t>(in_model / std::chrono::microseconds(1));
    env.post.send_to_role("gateway", head_to(service::router), load);
  }

  group_leader_actor::pointer self;
  environment& env;
  group_leader_config config;
  compute& device;
  batch streams;
  step_times times;
  step_allowance allowance;
  std::optional<running_step> running;
  instant busy_since{};
  duration busy{};
  duration in_model{};
  bool draining = false;
  bool failed = false;
};

using group_leader_impl = group_leader_actor::stateful_impl<group_leader_state>;

}  // namespace

group_leader_actor spawn_group_leader(caf::actor_system& system, environment& env, group_leader_config config,
                                      compute& device) {
  auto group = config.group;
  auto actor = system.spawn<group_leader_impl>(std::ref(env), std::move(config), std::ref(device));
  env.post.bind(service::group_leader, group, caf::actor_cast<caf::actor>(actor));
  env.post.watch_nodes(service::group_leader, group);
  return actor;
}

}  // namespace troupe
