#include "actors/host_agent/host_agent.hpp"

#include <algorithm>

#include "actors/runtime/restart_intensity.hpp"
#include "base/planted_bug.hpp"

namespace troupe {
namespace {

enum : uint32_t { kill_rest_tick, first_permanent_tick };

struct host_agent_state {
  static inline const char* name = "host_agent";

  struct permanent_child {
    process_spec spec;
    restart_intensity restarts;
    int32_t pid = 0;
  };

  host_agent_state(host_agent_actor::pointer self_actor, environment& environment_, host_agent_config config_,
                   const std::vector<group_spec>& groups_, process_host& processes_)
      : self(self_actor), env(environment_), config(std::move(config_)), groups(groups_), processes(processes_) {}

  host_agent_actor::behavior_type make_behavior() {
    processes.on_exit([to = handle()](const process_exit& exit) { tell(to, process_ended{exit}); });
    const auto& s = env.config.supervision;
    restart_limits limits{s.restarts_max, s.restart_period, s.restart_delay, s.restart_delay_max};
    for (const auto& spec : config.permanent) children.push_back({spec, restart_intensity(limits), 0});
    adopt();
    for (uint32_t i = 0; i < children.size(); ++i) {
      if (children[i].pid == 0) start(i);
    }
    return {
        [this](const inbound& message) { on_inbound(message); },
        [this](const node_up& up) { on_up(up.peer); },
        [](const node_lost&) {},
        [this](const process_ended& message) { on_exit(message.exit); },
        [this](const terminate_node&) { on_terminate(); },
        [this](const tick& timer) { on_tick(timer.which); },
    };
  }

  host_agent_actor handle() { return caf::actor_cast<host_agent_actor>(self); }

  // ---- what this agent keeps running by itself ----

  // Children that an earlier agent started and that live.
  void adopt() {
    for (const auto& status : processes.list()) {
      for (auto& child : children) {
        if (child.spec.name == status.name) child.pid = status.pid;
      }
    }
  }

  void start(uint32_t index) {
    auto& child = children[index];
    auto started = processes.start({child.spec}, 0);
    if (started) {
      child.pid = started->front().pid;
      env.log.info("process.started", {{"process", child.spec.name}, {"pid", child.pid}});
    } else {
      env.log.warn("process.start_failed", {{"process", child.spec.name}, {"why", started.err().message()}});
      restart(index);
    }
  }

  void restart(uint32_t index) {
    auto& child = children[index];
    child.pid = 0;
    if (terminating) return finish_if_done();
    if (makes(planted_bug::forget_gateway)) return;
    auto delay = child.restarts.restart(env.clock.now());
    if (!delay) {
      env.log.error("process.gave_up", {{"process", child.spec.name}, {"restarts", child.restarts.restarts_total()}});
      exit_code = 1;
      on_terminate();
      return;
    }
    tell_after(handle(), *delay, tick{first_permanent_tick + index});
  }

  // ---- what control asks for ----

  void on_inbound(const inbound& message) {
    const auto& head = message.head();
    if (std::holds_alternative<describe_request>(message.body())) {
      answer(message, describe_host());
    } else if (const auto* wanted = std::get_if<start_group>(&message.body())) {
      answer(message, start_ranks(head.group, head.generation, wanted->ranks));
    } else if (std::holds_alternative<end_group>(message.body())) {
      end_ranks(head.group, head.generation);
    }
  }

  void answer(const inbound& message, envelope_body body) {
    envelope_head head;
    bool to_supervisor = std::holds_alternative<host_report>(body);
    head.to = to_supervisor ? service::group_supervisor : service::controller;
    head.group = message.head().group;
    head.generation = message.head().generation;
    head.correlation = message.head().correlation;
    // A lost link makes control ask again.
    (void)env.post.send(message.from().node, head, std::move(body));
  }

  host_report failure(errc code, std::string detail) const {
    host_report report;
    report.failed = true;
    report.why = {code, std::move(detail)};
    return report;
  }

  host_report start_ranks(group_number number, generation_number generation, const std::vector<uint32_t>& ranks) {
    if (terminating) return failure(errc::draining, "the host is shutting down");
    if (number >= groups.size())
      return failure(errc::not_found, "group " + std::to_string(number) + " is not in this host's configuration");
    if (generation == 0) return failure(errc::invalid_argument, "a group's first generation is 1");
    const auto& group = groups[number];
    // What an older generation left behind would take memory and cores from this one. Who asked for time to look at it
    // has it ended later, by the supervisor.
    const bool ends_them =
        env.config.supervision.fenced_kill_delay == duration{} && !makes(planted_bug::keep_older_ranks);
    if (ends_them) end_ranks(number, generation - 1);
    // Control asks again where it does not know whether it was heard.
    if (auto there = living_of(number, generation); has_all(there, ranks)) return there;
    std::vector<process_spec> specs;
    for (uint32_t rank : ranks) {
      if (rank >= group.ranks())
        return failure(errc::invalid_argument, "group " + group.name + " has no rank " + std::to_string(rank));
      if (group.host_of(rank) != env.post.self().node) {
        return failure(errc::invalid_argument, "rank " + std::to_string(rank) + " of group " + group.name + " is for " +
                                                   group.host_of(rank) + " in this host's configuration");
      }
      specs.push_back({group.rank_node(rank), generation, config.rank_arguments(group, rank, generation)});
    }
    auto bytes = config.shared_memory_bytes(group);
    if (!bytes) return failure(bytes.err().code, bytes.err().message());
    auto started = processes.start(specs, *bytes);
    if (!started) return failure(started.err().code, started.err().message());
    host_report report;
    for (size_t i = 0; i < started->size(); ++i) {
      const auto& status = (*started)[i];
      report.processes.push_back({number, generation, ranks[i], status.pid});
      env.log.info("process.started", {{"process", status.name}, {"generation", generation}, {"pid", status.pid}});
    }
    return report;
  }

  host_report living_of(group_number number, generation_number generation) const {
    host_report report;
    report.processes = living_ranks();
    std::erase_if(report.processes,
                  [&](const group_process& p) { return p.group != number || p.generation != generation; });
    return report;
  }

  static bool has_all(const host_report& report, const std::vector<uint32_t>& ranks) {
    const auto has = [&](uint32_t rank) {
      return std::ranges::count(report.processes, rank, &group_process::rank) > 0;
    };
    return !ranks.empty() && std::ranges::all_of(ranks, has);
  }

  void end_ranks(group_number number, generation_number up_to) {
    for (const auto& status : processes.list()) {
      auto rank = find_rank(groups, status.name);
      if (rank && rank->group == number && status.generation <= up_to) {
        processes.end(status.name, status.generation, end_process::kill);
      }
    }
  }

  std::vector<group_process> living_ranks() const {
    std::vector<group_process> alive;
    for (const auto& status : processes.list()) {
      if (auto rank = find_rank(groups, status.name)) {
        alive.push_back({rank->group, status.generation, rank->rank, status.pid});
      }
    }
    return alive;
  }

  void on_up(const peer_identity& peer) {
    if (peer.role != "gateway") return;
    // Whoever has control compares this with what it thinks that there is.
    for (const auto& group : groups) {
      if (group.ranks_on(env.post.self().node).empty()) continue;
      host_report report;
      report.processes = living_ranks();
      envelope_head head;
      head.to = service::group_supervisor;
      head.group = group.number;
      (void)env.post.send(peer.node, head, std::move(report));
    }
  }

  void on_exit(const process_exit& exit) {
    if (auto rank = find_rank(groups, exit.name)) {
      env.log.info("process.ended",
                   {{"process", exit.name}, {"generation", exit.generation}, {"pid", exit.pid}, {"how", exit.how}});
      envelope_head head;
      head.to = service::group_supervisor;
      head.group = rank->group;
      head.generation = exit.generation;
      env.post.send_to_role("gateway", head,
                            group_process_exited{{rank->group, exit.generation, rank->rank, exit.pid}, exit.how});
    }
    for (uint32_t i = 0; i < children.size(); ++i) {
      if (children[i].spec.name == exit.name && children[i].pid == exit.pid) {
        if (!terminating) {
          env.log.warn("process.lost", {{"process", exit.name}, {"pid", exit.pid}, {"how", exit.how}});
        }
        restart(i);
      }
    }
    if (terminating) finish_if_done();
  }

  // ---- the end ----

  void on_terminate() {
    if (std::exchange(terminating, true)) return;
    bool any = false;
    for (const auto& child : children) {
      if (child.pid != 0) any = processes.end(child.spec.name, child.spec.generation, end_process::terminate) || any;
    }
    tell_after(handle(), env.config.supervision.drain_timeout + std::chrono::seconds(5), tick{kill_rest_tick});
    if (!any) finish_if_done();
  }

  void finish_if_done() {
    if (std::any_of(children.begin(), children.end(), [](const auto& c) { return c.pid != 0; })) return;
    auto alive = processes.list();
    if (alive.empty()) {
      if (!std::exchange(ended, true)) config.end_node(exit_code);
    } else if (!std::exchange(ranks_ending, true)) {
      // No gateway is left, so no stream is: the ranks have nothing to drain.
      for (const auto& status : alive) processes.end(status.name, status.generation, end_process::kill);
    }
  }

  void on_tick(uint32_t which) {
    if (which >= first_permanent_tick) {
      uint32_t index = which - first_permanent_tick;
      if (!terminating && children[index].pid == 0) start(index);
      return;
    }
    // Somebody does not end by itself.
    for (const auto& status : processes.list()) processes.end(status.name, status.generation, end_process::kill);
    for (auto& child : children) child.pid = 0;
    finish_if_done();
  }

  description describe_host() const {
    description d;
    d.tree.push_back({1, "host", env.post.self().node, terminating ? "ending" : "running", 0, 0, config.pid, ""});
    for (const auto& child : children) {
      d.tree.push_back({2, "process", child.spec.name, child.pid != 0 ? "running" : "away", 0,
                        child.restarts.restarts_total(), child.pid, ""});
    }
    for (const auto& status : processes.list()) {
      if (find_rank(groups, status.name)) {
        d.tree.push_back({2, "process", status.name, "running", status.generation, 0, status.pid, ""});
      }
    }
    return d;
  }

  host_agent_actor::pointer self;
  environment& env;
  host_agent_config config;
  const std::vector<group_spec>& groups;
  process_host& processes;
  std::vector<permanent_child> children;
  bool terminating = false;
  bool ranks_ending = false;
  bool ended = false;
  int exit_code = 0;
};

}  // namespace

host_agent_actor spawn_host_agent(caf::actor_system& system, environment& env, host_agent_config config,
                                  const std::vector<group_spec>& groups, process_host& processes) {
  auto actor = system.spawn<host_agent_actor::stateful_impl<host_agent_state>>(std::ref(env), std::move(config),
                                                                               std::cref(groups), std::ref(processes));
  env.post.bind(service::host_agent, no_group_number, caf::actor_cast<caf::actor>(actor));
  env.post.watch_nodes(service::host_agent, no_group_number);
  return actor;
}

}  // namespace troupe
