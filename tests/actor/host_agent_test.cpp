// A host's agent: the test is the operating system and the control node.
#include "actors/host_agent/host_agent.hpp"

#include <boost/test/unit_test.hpp>

#include "tests/actor/actor_world.hpp"

namespace troupe {
namespace {

using namespace std::chrono_literals;

/// Starts what it is asked to, and ends it when the test says so.
class fake_processes final : public process_host {
 public:
  void on_exit(std::function<void(const process_exit&)> handler) override { told = std::move(handler); }
  result<std::vector<process_status>> start(const std::vector<process_spec>& specs, uint64_t bytes) override {
    if (refuse) return {errc::io_failed, "no such program"};
    shared_memory_bytes = bytes;
    std::vector<process_status> made;
    for (const auto& spec : specs) {
      started.push_back(spec);
      made.push_back({spec.name, spec.generation, ++last_pid});
    }
    alive.insert(alive.end(), made.begin(), made.end());
    return made;
  }
  bool end(const node_name& name, generation_number generation, end_process how) override {
    ended.push_back((how == end_process::kill ? "kill " : "terminate ") + name + " " + std::to_string(generation));
    return find(name, generation) != alive.end();
  }
  std::vector<process_status> list() const override { return alive; }

  /// It is gone; the agent is told.
  void exit(const node_name& name, generation_number generation, std::string how = "exit 1") {
    auto at = find(name, generation);
    BOOST_REQUIRE(at != alive.end());
    process_exit gone{name, generation, at->pid, std::move(how)};
    alive.erase(at);
    told(gone);
  }

  bool refuse = false;
  int32_t last_pid = 100;
  uint64_t shared_memory_bytes = 0;
  std::vector<process_spec> started;
  std::vector<std::string> ended;
  std::vector<process_status> alive;
  std::function<void(const process_exit&)> told;

 private:
  std::vector<process_status>::iterator find(const node_name& name, generation_number generation) {
    return std::find_if(alive.begin(), alive.end(),
                        [&](const auto& p) { return p.name == name && p.generation == generation; });
  }
};

struct host : actor_world {
  fake_processes processes;
  std::vector<group_spec> groups;
  host_agent_actor agent;
  std::vector<int> ends;
  peer_identity control{"g", 1, "gateway"};

  host() : actor_world("host") {
    config.supervision.restarts_max = 3;
    config.supervision.drain_timeout = 2s;
    config.hosts.push_back({.name = "self"});
    deployment_config d;
    d.name = "m";
    d.groups = d.tensor_parallel = 2;
    config.deployments.push_back(d);
    groups = groups_of(config);
  }
  void start_agent() {
    host_agent_config for_it;
    for_it.permanent = {{"g", 0, {"node", "--name", "g"}}};
    for_it.rank_arguments = [](const group_spec& group, uint32_t rank, generation_number generation) {
      return std::vector<std::string>{group.rank_node(rank), std::to_string(generation)};
    };
    for_it.shared_memory_bytes = [](const group_spec&) -> result<uint64_t> { return uint64_t{4096}; };
    for_it.end_node = [this](int exit_code) { ends.push_back(exit_code); };
    agent = spawn_host_agent(system, env, std::move(for_it), groups, processes);
    run();
  }
  void start_ranks(group_number group, generation_number generation, std::vector<uint32_t> ranks = {0, 1}) {
    envelope_head head;
    head.to = service::host_agent;
    head.group = group;
    head.generation = generation;
    head.correlation = 7;
    receive(control, head, start_group{std::move(ranks)});
  }
  host_report report() {
    auto answer = take<host_report>();
    BOOST_REQUIRE(answer.has_value());
    BOOST_TEST(answer->first.to == "g");
    return answer->second;
  }
  void exit(const node_name& name, generation_number generation) {
    processes.exit(name, generation);
    run();
  }
};

BOOST_FIXTURE_TEST_CASE(who_is_told_twice_to_start_the_same_ranks_starts_them_once, host) {
  start_agent();
  start_ranks(0, 1);
  const auto first = report();
  const auto started = processes.started.size();
  start_ranks(0, 1);
  const auto second = report();
  BOOST_TEST(processes.started.size() == started);
  BOOST_TEST(!second.failed);
  BOOST_TEST((second.processes == first.processes));
}

BOOST_FIXTURE_TEST_CASE(gateways_are_started_and_started_again, host) {
  start_agent();
  BOOST_TEST(processes.started.size() == 1u);
  exit("g", 0);
  BOOST_TEST(processes.started.size() == 1u);  // not before the delay
  pass(20ms);
  BOOST_TEST(processes.started.size() == 2u);
  BOOST_TEST((processes.started[1] == process_spec{"g", 0, {"node", "--name", "g"}}));
}

BOOST_FIXTURE_TEST_CASE(a_gateway_of_an_earlier_agent_is_taken_over, host) {
  processes.alive = {{"g", 0, 55}, {"m-g0-r0", 4, 56}};
  start_agent();
  BOOST_TEST(processes.started.empty());
  exit("g", 0);
  pass(20ms);
  BOOST_TEST(processes.started.size() == 1u);
  // Whoever has control learns of the ranks that live.
  post.on_up(control);
  run();
  auto told = report();
  BOOST_TEST((told.processes == std::vector<group_process>{{0, 4, 0, 56}}));
}

BOOST_FIXTURE_TEST_CASE(a_gateway_that_fails_too_often_ends_the_host, host) {
  start_agent();
  start_ranks(0, 1);
  for (int i = 0; i < 3; ++i) {
    exit("g", 0);
    pass(100ms);
  }
  BOOST_TEST(ends.empty());
  exit("g", 0);
  exit("m-g0-r0", 1);
  exit("m-g0-r1", 1);
  BOOST_TEST((ends == std::vector<int>{1}));
}

BOOST_FIXTURE_TEST_CASE(what_cannot_be_started_counts_as_a_failure, host) {
  processes.refuse = true;
  start_agent();
  pass(10s);
  BOOST_TEST((ends == std::vector<int>{1}));
}

BOOST_FIXTURE_TEST_CASE(a_group_is_started_as_one, host) {
  start_agent();
  start_ranks(1, 5);
  auto told = report();
  BOOST_TEST(!told.failed);
  BOOST_TEST((told.processes == std::vector<group_process>{{1, 5, 0, 102}, {1, 5, 1, 103}}));
  BOOST_TEST(processes.shared_memory_bytes == 4096u);
  BOOST_TEST((processes.started[1] == process_spec{"m-g1-r0", 5, {"m-g1-r0", "5"}}));
}

struct host_of_a_part : host {
  host_of_a_part() {
    config.hosts.insert(config.hosts.begin(), {.name = "other"});
    config.deployments[0].hosts_per_group = 2;
    groups = groups_of(config);
    start_agent();
  }
};

BOOST_FIXTURE_TEST_CASE(a_host_starts_its_part_of_a_group_and_no_other, host_of_a_part) {
  start_ranks(0, 5, {1});
  BOOST_TEST((report().processes == std::vector<group_process>{{0, 5, 1, 102}}));
  start_ranks(0, 6, {0});
  auto told = report();
  BOOST_TEST(told.failed);
  BOOST_TEST(told.why.detail == "rank 0 of group m/0 is for other in this host's configuration");
  // Of each group that has a part here, what lives is told.
  post.on_up(control);
  run();
  for (group_number group : {0U, 1U}) BOOST_TEST(take<host_report>()->first.it.head.group == group);
  BOOST_TEST(!take<host_report>());
}

BOOST_FIXTURE_TEST_CASE(older_generations_of_the_group_are_killed_first, host) {
  start_agent();
  start_ranks(0, 1);
  start_ranks(1, 1);
  start_ranks(0, 2);
  BOOST_TEST((processes.ended == std::vector<std::string>{"kill m-g0-r0 1", "kill m-g0-r1 1"}));
}

BOOST_FIXTURE_TEST_CASE(fenced_processes_may_be_left_to_be_looked_at, host) {
  config.supervision.fenced_kill_delay = 1h;
  start_agent();
  start_ranks(0, 1);
  start_ranks(0, 2);
  BOOST_TEST(processes.ended.empty());
}

BOOST_FIXTURE_TEST_CASE(what_cannot_be_is_answered_with_a_reason, host) {
  start_agent();
  start_ranks(2, 1);
  BOOST_TEST((report().why.code == errc::not_found));
  start_ranks(0, 1, {2});
  BOOST_TEST((report().why.code == errc::invalid_argument));
  start_ranks(0, 0);
  BOOST_TEST((report().why.code == errc::invalid_argument));
  processes.refuse = true;
  start_ranks(0, 1);
  auto told = report();
  BOOST_TEST(told.failed);
  BOOST_TEST(told.why.detail == "no such program");
}

BOOST_FIXTURE_TEST_CASE(the_end_of_a_rank_is_told_to_control, host) {
  start_agent();
  post.on_up(control);
  start_ranks(0, 3);
  processes.exit("m-g0-r1", 3, "signal 9 (Killed)");
  run();
  auto told = take<group_process_exited>();
  BOOST_REQUIRE(told.has_value());
  BOOST_TEST((told->second == group_process_exited{{0, 3, 1, 103}, "signal 9 (Killed)"}));
  BOOST_TEST(told->first.it.head.generation == 3u);
  BOOST_TEST(processes.started.size() == 3u);  // to start it again is its supervisor's to decide
}

BOOST_FIXTURE_TEST_CASE(at_the_end_gateways_drain_while_their_ranks_go_on, host) {
  start_agent();
  start_ranks(0, 1);
  tell(agent, terminate_node{});
  run();
  BOOST_TEST((processes.ended == std::vector<std::string>{"terminate g 0"}));
  start_ranks(1, 1);
  (void)report();
  BOOST_TEST((report().why.code == errc::draining));
  pass(1s);
  exit("g", 0);
  pass(100ms);
  BOOST_TEST(processes.started.size() == 3u);  // not again
  BOOST_TEST((processes.ended == std::vector<std::string>{"terminate g 0", "kill m-g0-r0 1", "kill m-g0-r1 1"}));
  BOOST_TEST(ends.empty());
  exit("m-g0-r0", 1);
  exit("m-g0-r1", 1);
  BOOST_TEST((ends == std::vector<int>{0}));
  pass(1min);
  BOOST_TEST(ends.size() == 1u);
}

BOOST_FIXTURE_TEST_CASE(a_gateway_that_does_not_end_is_killed_after_the_drain_timeout, host) {
  start_agent();
  tell(agent, terminate_node{});
  pass(6900ms);
  BOOST_TEST(processes.ended.size() == 1u);
  pass(200ms);
  BOOST_TEST(processes.ended.back() == "kill g 0");
  exit("g", 0);
  BOOST_TEST((ends == std::vector<int>{0}));
}

}  // namespace
}  // namespace troupe
