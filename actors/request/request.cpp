#include "actors/request/request.hpp"

#include <algorithm>
#include <limits>
#include <optional>

#include "actors/request/choice_stream.hpp"
#include "base/planted_bug.hpp"

namespace troupe {
namespace {

// tick.which below this is a choice that tries to be routed again.
constexpr uint32_t deadline_tick = 0xFFFF'FFFF;

struct request_state {
  static inline const char* name = "request";

  enum class phase : uint8_t { routing, streaming, finished };

  struct choice {
    choice_stream stream;
    phase at = phase::routing;
    group_number group = no_group_number;
    generation_number generation = 0;
    node_name leader;
    /// Of the group that made its first token: only such groups make the same next one.
    std::string fingerprint;
    uint32_t refusals = 0;
    uint32_t losses = 0;
    /// When its last group was lost; until the next token.
    std::optional<instant> lost_at;
    std::optional<instant> last_token;
    /// Of the prompt, found in the cache of the group that made its first token.
    uint32_t cached_tokens = 0;
  };

  request_state(request_actor::pointer self_actor, environment& environment_, request_config config_)
      : self(self_actor),
        env(environment_),
        config(std::move(config_)),
        request(config.begin.at->request),
        sink(config.begin.at->sink),
        arrived(env.clock.now()),
        deadline(arrived + request.timeout) {}

  request_actor::behavior_type make_behavior() {
    env.metrics.request_started();
    await_deadline();
    choices.reserve(request.choices);
    for (uint32_t i = 0; i < request.choices; ++i) {
      choices.push_back(choice{choice_stream(i, request, config.begin.at->tokens),
                               phase::routing,
                               no_group_number,
                               0,
                               {},
                               {},
                               0,
                               0,
                               std::nullopt,
                               std::nullopt,
                               0});
      route(i);
    }
    return {
        [this](const route_decision& decision) { on_decision(decision); },
        [this](const stream_progress& progress) { on_progress(progress); },
        [this](const stream_embedded& embedded) { on_embedded(embedded); },
        [this](const stream_rejected& rejected) { on_rejected(rejected); },
        [this](const group_lost& lost) { on_lost(lost); },
        [this](const client_gone&) { end_with("cancelled"); },
        [this](const client_resumed&) { deliver(); },
        [this](const tick& timer) { on_tick(timer.which); },
    };
  }

  request_actor handle() { return caf::actor_cast<request_actor>(self); }
  stream_id stream_of(uint32_t index) const { return config.first_stream + index; }
  std::optional<uint32_t> index_of(stream_id stream) const {
    if (stream < config.first_stream || stream - config.first_stream >= choices.size()) return std::nullopt;
    return static_cast<uint32_t>(stream - config.first_stream);
  }

  // ---- where a choice runs ----

  void route(uint32_t index) {
    auto& c = choices[index];
    c.at = phase::routing;
    bool is_new = c.stream.committed().empty();
    route_request wanted;
    wanted.stream = stream_of(index);
    wanted.deployment = request.model;
    wanted.tokens = static_cast<uint32_t>(request.prompt.size() + c.stream.committed().size());
    // The bits must stay the same only once there are tokens.
    if (!is_new) wanted.fingerprint = c.fingerprint;
    wanted.deadline = is_new ? std::min(deadline, env.clock.now() + config.no_group_wait) : deadline;
    wanted.reply_to = caf::actor_cast<caf::actor>(self);
    auto router = env.post.local(service::router);
    if (router) {
      tell(router, std::move(wanted));
    } else {
      tell_after(handle(), config.retry_delay, tick{index});
    }
  }

  void on_decision(const route_decision& decision) {
    auto index = index_of(decision.stream);
    if (!index || choices[*index].at != phase::routing) return;
    if (!decision.found) return fail(decision.why);
    auto& c = choices[*index];
    c.at = phase::streaming;
    c.group = decision.group;
    c.generation = decision.generation;
    c.leader = decision.leader;
    c.fingerprint = decision.fingerprint;

    generate wanted;
    wanted.stream = decision.stream;
    wanted.request_id = request.request_id;
    wanted.prompt = request.prompt;
    wanted.committed = c.stream.committed();
    if (makes(planted_bug::resume_off_by_one) && !wanted.committed.empty())
      wanted.committed.push_back(wanted.committed.back());
    wanted.sampling = request.sampling;
    wanted.sampling.stream = makes(planted_bug::one_stream_for_all_choices) ? 0 : *index;
    if (makes(planted_bug::reseed_on_resume) && !wanted.committed.empty()) wanted.sampling.seed ^= c.generation;
    wanted.tokens_max = request.tokens_max;
    wanted.eos = config.begin.at->eos;
    wanted.priority = request.priority;
    wanted.cache_salt = request.cache_salt;
    wanted.pooling = request.pooling;
    auto sent = env.post.send(c.leader, with_time_left(head_to_leader(c)), std::move(wanted));
    if (!sent) try_again(*index, sent.err());
  }

  envelope_head head_to_leader(const choice& c) const {
    envelope_head head;
    head.to = service::group_leader;
    head.group = c.group;
    head.generation = c.generation;
    return head;
  }

  envelope_head with_time_left(envelope_head head) const {
    auto left = (deadline - env.clock.now()) / std::chrono::milliseconds(1);
    head.time_left_ms = static_cast<uint32_t>(std::clamp<int64_t>(left, 1, std::numeric_limits<uint32_t>::max()));
    return head;
  }

  // Its group will not go on with it: another may.
  void try_again(uint32_t index, const error& why) {
    auto& c = choices[index];
    tell(env.post.local(service::router), route_done{stream_of(index)});
    c.at = phase::routing;
    if (++c.refusals >= config.refusals_max) return fail(why);
    tell_after(handle(), config.retry_delay * c.refusals, tick{index});
  }

  void on_rejected(const stream_rejected& rejected) {
    auto index = index_of(rejected.refused.stream);
    if (!index || !is_current(*index, rejected.group, rejected.generation)) return;
    if (makes(planted_bug::forget_rejection)) return;
    if (retryable(rejected.refused.why.code)) {
      try_again(*index, rejected.refused.why);
    } else {
      fail(rejected.refused.why);
    }
  }

  void on_lost(const group_lost& lost) {
    for (uint32_t i = 0; i < choices.size(); ++i) {
      if (!is_current(i, lost.group, lost.generation)) continue;
      if (makes(planted_bug::forget_lost_group)) continue;
      if (makes(planted_bug::fail_on_lost_group)) return fail({errc::aborted, "its group is lost"});
      choices[i].lost_at = env.clock.now();
      cancel_at_leader(choices[i], stream_of(i));
      if (++choices[i].losses > config.losses_max) {
        return fail(
            {errc::aborted, std::to_string(choices[i].losses) + " groups failed while they worked on this request"});
      }
      route(i);
    }
  }

  bool is_current(uint32_t index, group_number group, generation_number generation) const {
    const auto& c = choices[index];
    return c.at == phase::streaming && c.group == group && c.generation == generation;
  }

  // ---- what comes back ----

  // The choice of a stream that this incarnation of a group works on. `embedding`: what it said is one.
  std::optional<uint32_t> answered(stream_id stream, group_number group, generation_number generation, bool embedding) {
    auto index = index_of(stream);
    if (!index) return std::nullopt;
    if (!is_current(*index, group, generation)) {
      if (choices[*index].at != phase::finished) env.metrics.frame_refused("generation");
      return std::nullopt;
    }
    if (embedding != (request.pooling != pooling_kind::none)) {
      env.metrics.frame_refused("order");
      return std::nullopt;
    }
    return index;
  }

  void on_embedded(const stream_embedded& embedded) {
    const auto& embedding = embedded.embedding;
    auto index = answered(embedding.stream, embedded.group, embedded.generation, true);
    if (!index) return;
    auto& c = choices[*index];
    if (c.stream.accept(embedding) != choice_stream::verdict::accepted) return;
    note_time(c);
    c.cached_tokens = embedding.cached;
    finish(c, embedding.stream);
    deliver();
  }

  void on_progress(const stream_progress& progress) {
    auto index = answered(progress.token.stream, progress.group, progress.generation, false);
    if (!index) return;
    auto& c = choices[*index];
    switch (c.stream.accept(progress.token)) {
      case choice_stream::verdict::accepted: break;
      case choice_stream::verdict::gap:
        // A frame of this incarnation was lost with its link: the committed tokens are what counts.
        env.metrics.frame_refused("order");
        cancel_at_leader(c, progress.token.stream);
        return try_again(*index, {errc::outcome_unknown, "tokens were lost on the way"});
      case choice_stream::verdict::repeated:
      case choice_stream::verdict::late: env.metrics.frame_refused("order"); return;
    }
    env.metrics.token_committed(request.request_id, *index, progress.token.index, progress.group, progress.generation);
    note_time(c);
    if (progress.token.index == 0) c.cached_tokens = progress.token.cached;
    c.refusals = 0;
    c.losses = 0;
    if (c.stream.finished()) {
      // A stop string ends the stream here; the leader does not know it.
      if (progress.token.finish == finish_reason::none) cancel_at_leader(c, progress.token.stream);
      finish(c, progress.token.stream);
    }
    deliver();
  }

  void finish(choice& c, stream_id stream) {
    tell(env.post.local(service::router), route_done{stream});
    c.at = phase::finished;
  }

  void note_time(choice& c) {
    auto now = env.clock.now();
    if (c.lost_at) {
      env.metrics.stream_resumed(now - *c.lost_at);
      c.lost_at.reset();
    } else if (c.last_token) {
      env.metrics.next_token(now - *c.last_token);
    }
    c.last_token = now;
  }

  void deliver() {
    bool all_finished = true;
    for (auto& c : choices) {
      if (c.stream.has_delta()) {
        if (!sink->on_delta(c.stream.delta())) {
          if (makes(planted_bug::drop_refused_delta)) c.stream.delta_taken();
          // Full: the HTTP side says when to go on.
          if (!makes(planted_bug::end_before_last_delta) || !c.stream.finished()) return;
        }
        if (!makes(planted_bug::repeat_taken_delta) || c.stream.finished()) c.stream.delta_taken();
      }
      all_finished = all_finished && c.stream.finished();
    }
    if (!all_finished) return;
    sink->on_end({static_cast<uint32_t>(request.prompt.size()), completion_tokens(), cached_tokens()});
    if (makes(planted_bug::end_twice)) sink->on_end({});
    leave("ok");
  }

  uint32_t completion_tokens() const {
    size_t tokens = 0;
    for (const auto& c : choices) tokens += c.stream.committed().size();
    if (makes(planted_bug::count_resumed_twice) && choices[0].generation > 1) ++tokens;
    return static_cast<uint32_t>(tokens);
  }

  uint32_t cached_tokens() const {
    auto least = std::min_element(choices.begin(), choices.end(),
                                  [](const choice& a, const choice& b) { return a.cached_tokens < b.cached_tokens; });
    return least == choices.end() ? 0 : least->cached_tokens;
  }

  // ---- the end ----

  // A message that waits keeps this actor's memory, also when the request has long ended: so it never waits for long.
  void await_deadline() {
    auto left = std::max<duration>(deadline - env.clock.now(), std::chrono::milliseconds(1));
    tell_after(handle(), std::min<duration>(left, std::chrono::seconds(1)), tick{deadline_tick});
  }

  void on_tick(uint32_t which) {
    if (which == deadline_tick) {
      if (env.clock.now() < deadline) return await_deadline();
      fail({errc::deadline_exceeded, "the request took longer than its deadline"});
    } else if (which < choices.size() && choices[which].at == phase::routing) {
      route(which);
    }
  }

  void fail(const error& why) {
    sink->on_error(why);
    env.log.warn("request.failed", {{"request_id", request.request_id},
                                    {"code", troupe::name(why.code)},
                                    {"why", why.message()},
                                    {"tokens", completion_tokens()}});
    end_with(troupe::name(why.code));
  }

  void end_with(std::string_view outcome) {
    for (uint32_t i = 0; i < choices.size(); ++i) {
      auto& c = choices[i];
      if (c.at == phase::streaming) cancel_at_leader(c, stream_of(i));
      if (c.at != phase::finished) tell(env.post.local(service::router), route_done{stream_of(i)});
    }
    leave(outcome);
  }

  void cancel_at_leader(const choice& c, stream_id stream) {
    // Where the link is gone, so are the streams that came over it.
    (void)env.post.send(c.leader, head_to_leader(c), cancel_stream{stream});
  }

  void leave(std::string_view outcome) {
    env.metrics.request_ended(outcome, static_cast<uint32_t>(request.prompt.size()), completion_tokens());
    self->quit();
  }

  request_actor::pointer self;
  environment& env;
  request_config config;
  const generate_request& request;
  std::shared_ptr<answer_sink> sink;
  instant arrived;
  instant deadline;
  std::vector<choice> choices;
};

using request_impl = request_actor::stateful_impl<request_state>;

}  // namespace

request_actor spawn_request(caf::actor_system& system, environment& env, request_config config) {
  return system.spawn<request_impl>(std::ref(env), std::move(config));
}

}  // namespace troupe
