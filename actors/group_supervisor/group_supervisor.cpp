#include "actors/group_supervisor/group_supervisor.hpp"

#include <charconv>
#include <cstring>
#include <map>
#include <set>

#include "actors/group_supervisor/meeting_point.hpp"
#include "actors/runtime/incarnation.hpp"
#include "base/planted_bug.hpp"

namespace troupe {
namespace {

enum : uint32_t { check_tick, kill_tick };

std::string_view to_text(group_phase phase) {
  switch (phase) {
    case group_phase::stopped: return "stopped";
    case group_phase::starting: return "starting";
    case group_phase::ready: return "ready";
    case group_phase::draining: return "draining";
    case group_phase::backing_off: return "backing off";
    case group_phase::failed: return "failed";
  }
  return "?";
}

struct group_supervisor_state {
  static inline const char* name = "group_supervisor";

  struct member {
    int32_t pid = 0;
    generation_number generation = 0;
    std::string detail;
  };

  group_supervisor_state(group_supervisor_actor::pointer self_actor, environment& environment_,
                         group_supervisor_config config_, store& state_)
      : self(self_actor),
        env(environment_),
        config(config_),
        group(*config.group),
        entries(state_),
        key("group/" + group.name + "/generation"),
        life(config.life),
        meeting(group.ranks()) {}

  group_supervisor_actor::behavior_type make_behavior() {
    auto stored = read_generation();
    if (!stored) {
      env.log.error("group.store_failed", {{"group", group.name}, {"why", stored.err().message()}});
      self->quit(caf::make_error(caf::sec::runtime_error));
      return empty();
    }
    begin_meeting();
    perform(life.begin(*stored, env.clock.now()));
    tell_after(handle(), config.check_interval, tick{check_tick});
    return {
        [this](const inbound& message) { on_inbound(message); },
        [this](const node_up& up) { on_node_up(up.peer); },
        [this](const node_lost& lost) { on_node_lost(lost.peer, "lost its link: " + lost.why.message()); },
        [this](const node_silent& silent) { on_node_lost(silent.peer, "is silent"); },
        [this](const group_idle& idle) { perform(life.on_idle(idle.generation, env.clock.now())); },
        [this](const drain&) { perform(life.on_drain(false, env.clock.now())); },
        [this](const describe& wanted) { on_describe(wanted); },
        [this](const tick& timer) { on_tick(timer.which); },
    };
  }

  group_supervisor_actor::behavior_type empty() {
    return {[](const inbound&) {},    [](const node_up&) {}, [](const node_lost&) {}, [](const node_silent&) {},
            [](const group_idle&) {}, [](const drain&) {},   [](const describe&) {},  [](const tick&) {}};
  }

  group_supervisor_actor handle() { return caf::actor_cast<group_supervisor_actor>(self); }

  // ---- the store ----

  result<generation_number> read_generation() {
    TROUPE_ASSIGN(auto entry, entries.get(key));
    if (!entry) return generation_number{0};
    revision = entry->revision;
    if (makes(planted_bug::forget_stored_generation)) return generation_number{0};
    generation_number generation = 0;
    auto [end, code] = std::from_chars(entry->value.data(), entry->value.data() + entry->value.size(), generation);
    if (code != std::errc{} || end != entry->value.data() + entry->value.size()) {
      return {errc::corrupt, key + " is \"" + entry->value + "\" in the store, not a number"};
    }
    return generation;
  }

  bool write_generation(generation_number generation) {
    auto written = entries.put_if(key, std::to_string(generation), revision);
    if (!written) {
      // Another control node acts on this group, or the disk fails: this one may not go on. The parent starts it again.
      env.log.error("group.store_failed", {{"group", group.name}, {"why", written.err().message()}});
      ended = !makes(planted_bug::announce_unstored_generation);
      self->quit(caf::make_error(caf::sec::runtime_error));
      return false;
    }
    revision = *written;
    return true;
  }

  // ---- what life says ----

  void perform(const group_life::actions& actions) {
    for (const auto& action : actions) {
      if (const auto* stored = std::get_if<group_life::store_generation>(&action)) {
        if (!write_generation(stored->generation)) return;
      } else if (std::holds_alternative<group_life::end_older>(action)) {
        end_older();
      } else if (std::holds_alternative<group_life::start>(action)) {
        begin_meeting();
        start_wanted.insert(group.hosts.begin(), group.hosts.end());
        start();
      } else if (std::holds_alternative<group_life::announce>(action)) {
        announce();
      } else if (const auto* failure = std::get_if<group_life::log_failure>(&action)) {
        log_failure(*failure);
      } else if (const auto* recovery = std::get_if<group_life::log_recovery>(&action)) {
        env.log.info("group.recovered", {{"group", group.name},
                                         {"generation", life.generation()},
                                         {"ms", recovery->since_failure / std::chrono::milliseconds(1)}});
        env.metrics.group_recovered(group.name, recovery->since_failure);
      }
    }
  }

  void log_failure(const group_life::log_failure& failure) {
    env.log.warn("group.lost", {{"group", group.name}, {"generation", failure.generation}, {"why", failure.why}});
    if (failure.gave_up) {
      env.log.error("group.gave_up", {{"group", group.name}, {"restarts", life.restarts()}, {"why", failure.why}});
    }
    env.metrics.group_failed(group.name, failure.gave_up ? "gave_up" : "restarted", silence);
    silence = {};
  }

  void announce() {
    group_state state;
    state.group = group.number;
    state.generation = life.generation();
    state.phase = life.phase();
    state.leader = group.rank_node(0);
    state.fingerprint = life.fingerprint();
    state.why = life.last_failure();
    tell(env.post.local(service::router), std::move(state));
    announced_at = env.clock.now();
  }

  envelope_head head_to_host() const {
    envelope_head head;
    head.to = service::host_agent;
    head.group = group.number;
    head.generation = life.generation();
    return head;
  }

  // Tried again at each check until all hosts are linked.
  void start() {
    std::erase_if(start_wanted, [this](const node_name& host) {
      return env.post.send(host, head_to_host(), start_group{group.ranks_on(host)}).has_value();
    });
  }

  /// A host went away while the group starts: its part may have ended with it, or the word to start it may be lost.
  /// What is to be adopted has served already: of that, nothing is started a second time under the same number.
  void start_anew_on(const node_name& host) {
    const bool is_ours = std::ranges::count(group.hosts, host) > 0;
    if (is_ours && life.phase() == group_phase::starting && !life.adopting()) start_wanted.insert(host);
  }

  void begin_meeting() {
    const std::array<uint64_t, 2> words{env.random.next(), env.random.next()};
    std::array<std::byte, 16> secret{};
    std::memcpy(secret.data(), words.data(), secret.size());
    meeting.begin(secret);
  }

  void end_older() {
    members.clear();
    start_wanted.clear();
    if (config.fenced_kill_delay > duration{}) {
      tell_after(handle(), config.fenced_kill_delay, tick{kill_tick});
    } else {
      send_end();
    }
  }

  void send_end() {
    if (makes(planted_bug::keep_older_ranks)) return;
    auto head = head_to_host();
    head.generation = life.generation() - 1;
    // A host that cannot be reached now is told when its report of what lives comes.
    for (const auto& host : group.hosts) (void)env.post.send(host, head, end_group{});
  }

  // ---- what is heard ----

  void on_inbound(const inbound& message) {
    auto now = env.clock.now();
    auto generation = message.head().generation;
    if (const auto* ready = std::get_if<rank_ready>(&message.body())) {
      if (generation != life.generation()) {
        env.metrics.frame_refused("generation");
        return;
      }
      members[ready->rank] = {
          ready->pid, generation,
          std::to_string(ready->kv_pages) + " kv pages, loaded in " + std::to_string(ready->load_ms) + " ms"};
      perform(life.on_ready(*ready, generation, now));
    } else if (const auto* listening = std::get_if<rank_listening>(&message.body())) {
      on_listening(*listening, generation, message.from().node);
    } else if (const auto* failed = std::get_if<rank_failed>(&message.body())) {
      perform(life.on_failure(generation, "rank " + std::to_string(failed->rank) + ": " + failed->why.message(), now));
    } else if (std::holds_alternative<rank_leaving>(message.body())) {
      if (generation == life.generation()) perform(life.on_drain(true, now));
    } else if (const auto* report = std::get_if<host_report>(&message.body())) {
      on_host_report(*report, generation, message.from().node, now);
    } else if (const auto* exited = std::get_if<group_process_exited>(&message.body())) {
      if (makes(planted_bug::forget_deaths)) return;
      const auto& process = exited->process;
      note_silence(group.rank_node(process.rank));
      perform(life.on_failure(process.generation,
                              "rank " + std::to_string(process.rank) + " (process " + std::to_string(process.pid) +
                                  ") ended: " + exited->how,
                              now));
    }
  }

  // Nobody is told of a generation that has been replaced.
  void on_listening(const rank_listening& listening, generation_number generation, const node_name& from) {
    if (generation != life.generation()) return env.metrics.frame_refused("generation");
    if (listening.rank >= group.ranks() || from != group.rank_node(listening.rank))
      return env.metrics.frame_refused("role");
    envelope_head head;
    head.to = service::node;
    head.group = group.number;
    head.generation = generation;
    for (uint32_t rank : meeting.on_listening(listening)) {
      // Who is not reached asks again.
      (void)env.post.send(group.rank_node(rank), head, meeting.message());
    }
  }

  void on_host_report(const host_report& report, generation_number generation, const node_name& host, instant now) {
    if (report.failed) {
      perform(life.on_start_failed(generation, "could not be started: " + report.why.message(), now));
      return;
    }
    for (const auto& process : report.processes) {
      if (process.group == group.number && process.generation < life.generation()) return send_end();
    }
    if (generation == 0) {
      auto placed = static_cast<uint32_t>(group.ranks_on(host).size());
      perform(life.on_host(report.processes, group.number, placed, now));
    }
  }

  std::optional<uint32_t> rank_of(const peer_identity& peer) const {
    for (uint32_t rank = 0; rank < group.ranks(); ++rank) {
      if (peer.node == group.rank_node(rank)) return rank;
    }
    return std::nullopt;
  }

  void on_node_up(const peer_identity& peer) {
    // A zombie's link: nothing it says is accepted; end it.
    if (rank_of(peer) && generation_of(peer.incarnation) < life.generation() &&
        config.fenced_kill_delay == duration{}) {
      env.post.disconnect(peer.node,
                          "generation " + std::to_string(generation_of(peer.incarnation)) + " has been replaced");
    }
  }

  void on_node_lost(const peer_identity& peer, const std::string& what) {
    start_anew_on(peer.node);
    auto rank = rank_of(peer);
    if (!rank || makes(planted_bug::forget_deaths)) return;
    note_silence(peer.node);
    perform(life.on_failure(generation_of(peer.incarnation), "rank " + std::to_string(*rank) + " " + what,
                            env.clock.now()));
  }

  void note_silence(const node_name& node) {
    auto now = env.clock.now();
    if (auto heard = env.post.last_heard(node)) silence = now - *heard;
  }

  void on_tick(uint32_t which) {
    if (which == kill_tick) return send_end();
    auto now = env.clock.now();
    perform(life.on_time(now));
    // Nobody hears of a generation that could not be stored.
    if (ended) return;
    if (life.phase() == group_phase::starting) start();
    if (now - announced_at >= config.announce_interval && !life.adopting()) announce();
    tell_after(handle(), config.check_interval, tick{check_tick});
  }

  std::string described() const {
    std::string text = life.last_failure().empty() ? "" : "last failure: " + life.last_failure();
    for (const auto& host : start_wanted) text += (text.empty() ? "" : "; ") + ("waits for the link to " + host);
    return text;
  }

  void on_describe(const describe& wanted) {
    tree_part part;
    part.correlation = wanted.correlation;
    part.entries.push_back({1, "group", group.name, std::string(to_text(life.phase())), life.generation(),
                            life.restarts(), 0, described()});
    for (uint32_t rank = 0; rank < group.ranks(); ++rank) {
      auto at = members.find(rank);
      bool here = at != members.end() && env.post.is_up(group.rank_node(rank));
      part.entries.push_back({2, "rank", group.rank_node(rank), here ? "ready" : "away", life.generation(), 0,
                              here ? at->second.pid : 0, here ? at->second.detail : ""});
    }
    tell(wanted.reply_to, std::move(part));
  }

  group_supervisor_actor::pointer self;
  environment& env;
  group_supervisor_config config;
  const group_spec& group;
  store& entries;
  std::string key;
  uint64_t revision = 0;
  group_life life;
  std::map<uint32_t, member> members;
  meeting_point meeting;
  /// Hosts that have not been told yet, or not for certain.
  std::set<node_name> start_wanted;
  instant announced_at{};
  duration silence{};
  /// The store failed: what life says is nobody's business any more.
  bool ended = false;
};

}  // namespace

group_supervisor_actor spawn_group_supervisor(caf::actor_system& system, environment& env,
                                              group_supervisor_config config, store& state) {
  auto group = config.group->number;
  auto actor = system.spawn<group_supervisor_actor::stateful_impl<group_supervisor_state>>(std::ref(env), config,
                                                                                           std::ref(state));
  env.post.bind(service::group_supervisor, group, caf::actor_cast<caf::actor>(actor));
  env.post.watch_nodes(service::group_supervisor, group);
  return actor;
}

}  // namespace troupe
