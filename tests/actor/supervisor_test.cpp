// A group's supervisor: the test plays the store, the host's agent and the ranks.
#include <boost/test/unit_test.hpp>

#include "actors/group_supervisor/group_supervisor.hpp"
#include "tests/actor/actor_world.hpp"
#include "tests/support/memory_store.hpp"

namespace troupe {
namespace {

using namespace std::chrono_literals;

struct control : actor_world {
  std::vector<group_spec> groups;
  memory_store entries;

  /// `stored`: the generation that the store has of an earlier control; 0: none.
  explicit control(uint32_t hosts = 1, generation_number stored = 0) {
    config.hosts.push_back({.name = "h"});
    if (hosts == 2) config.hosts.push_back({.name = "i"});
    deployment_config d;
    d.name = "m";
    d.tensor_parallel = 2;
    d.hosts_per_group = hosts;
    config.deployments.push_back(d);
    groups = groups_of(config);
    if (stored != 0) BOOST_REQUIRE(entries.put_if("group/m/0/generation", std::to_string(stored), 0).has_value());
    group_supervisor_config for_it;
    for_it.group = &groups[0];
    for_it.life.ranks = 2;
    spawn_group_supervisor(system, env, for_it, entries);
    run();
  }
  std::string stored() { return entries.entries["group/m/0/generation"].value; }
  envelope_head head(generation_number generation) const {
    envelope_head h;
    h.to = service::group_supervisor;
    h.group = 0;
    h.generation = generation;
    return h;
  }
  peer_identity rank_peer(uint32_t rank, generation_number generation) const {
    return {groups[0].rank_node(rank), generation << 20, "rank"};
  }
  void rank_is_ready(uint32_t rank, generation_number generation) {
    rank_ready ready;
    ready.rank = rank;
    ready.fingerprint = "cpu";
    receive(rank_peer(rank, generation), head(generation), ready);
  }
};

struct control_of_two_hosts : control {
  control_of_two_hosts() : control(2) {}

  void rank_listens(uint32_t rank, generation_number generation, uint16_t port) {
    receive(rank_peer(rank, generation), head(generation), rank_listening{rank, {"10.0.0.1", port}});
  }
  /// Who is told, in the order of being told.
  std::vector<node_name> told(group_meeting& last) {
    std::vector<node_name> nodes;
    while (auto meeting = take<group_meeting>()) {
      BOOST_TEST((meeting->first.it.head.to == service::node));
      nodes.push_back(meeting->first.to);
      last = meeting->second;
    }
    return nodes;
  }
};

BOOST_FIXTURE_TEST_CASE(each_host_starts_its_part_of_the_group, control_of_two_hosts) {
  for (const auto& [host, rank] : {std::pair{"h", 0U}, std::pair{"i", 1U}}) {
    auto started = take<start_group>();
    BOOST_REQUIRE(started.has_value());
    BOOST_TEST(started->first.to == host);
    BOOST_TEST(started->second.ranks == std::vector{rank}, boost::test_tools::per_element());
  }
  BOOST_TEST(!take<start_group>());
}

BOOST_FIXTURE_TEST_CASE(a_host_that_cannot_be_told_yet_is_told_later, control_of_two_hosts) {
  wire.full = {"i"};
  receive({"h", 1, "host"}, head(1), group_process_exited{{0, 1, 0, 99}, "exit 1"});
  wire.sent.clear();
  pass(100ms);
  BOOST_TEST(take<start_group>()->first.to == "h");
  BOOST_TEST(!take<start_group>());
  wire.full.clear();
  pass(100ms);
  BOOST_TEST(take<start_group>()->first.to == "i");
  BOOST_TEST(!take<start_group>());
}

BOOST_FIXTURE_TEST_CASE(a_host_that_goes_away_while_its_part_starts_is_told_again, control_of_two_hosts) {
  const peer_identity other{"i", 1, "host"};
  post.on_up(other);
  receive({"h", 1, "host"}, head(1), group_process_exited{{0, 1, 0, 99}, "exit 1"});
  pass(100ms);
  wire.sent.clear();
  wire.full = {"i"};
  post.on_down(other, {errc::unavailable, "it was stopped"});
  run();
  pass(100ms);
  BOOST_TEST(!take<start_group>());
  wire.full.clear();
  post.on_up({"i", 2, "host"});
  pass(100ms);
  auto again = take<start_group>();
  BOOST_REQUIRE(again.has_value());
  BOOST_TEST(again->first.to == "i");
  BOOST_TEST(again->first.it.head.generation == 2u);
  BOOST_TEST(!take<start_group>());
}

BOOST_FIXTURE_TEST_CASE(the_ranks_of_several_hosts_learn_of_each_other_when_all_listen, control_of_two_hosts) {
  group_meeting meeting;
  rank_listens(1, 1, 11);
  rank_listens(1, 1, 11);
  BOOST_TEST(told(meeting).empty());
  rank_listens(0, 1, 10);
  BOOST_TEST((told(meeting) == std::vector<node_name>{"m-g0-r0", "m-g0-r1"}));
  const group_meeting first = meeting;
  BOOST_TEST((first.addresses == std::vector<rank_endpoint>{{"10.0.0.1", 10}, {"10.0.0.1", 11}}));
  // It was not reached, and asks again.
  rank_listens(1, 1, 11);
  BOOST_TEST((told(meeting) == std::vector<node_name>{"m-g0-r1"}));
  BOOST_TEST((meeting == first));

  // The next generation meets anew, with another secret.
  receive({"h", 1, "host"}, head(1), group_process_exited{{0, 1, 0, 99}, "exit 1"});
  pass(100ms);
  rank_listens(1, 1, 11);
  BOOST_TEST(metrics.refused["generation"] == 1);
  rank_listens(1, 2, 21);
  BOOST_TEST(told(meeting).empty());
  rank_listens(0, 2, 20);
  BOOST_TEST((told(meeting) == std::vector<node_name>{"m-g0-r0", "m-g0-r1"}));
  BOOST_TEST((meeting.addresses == std::vector<rank_endpoint>{{"10.0.0.1", 20}, {"10.0.0.1", 21}}));
  BOOST_TEST((meeting.secret != first.secret));
}

BOOST_FIXTURE_TEST_CASE(no_rank_speaks_for_another_or_for_none, control_of_two_hosts) {
  group_meeting meeting;
  rank_listens(0, 1, 10);
  receive(rank_peer(0, 1), head(1), rank_listening{1, {"10.0.0.9", 9}});
  receive(rank_peer(0, 1), head(1), rank_listening{2, {"10.0.0.9", 9}});
  BOOST_TEST(told(meeting).empty());
  BOOST_TEST(metrics.refused["role"] == 2);
}

BOOST_FIXTURE_TEST_CASE(what_lives_on_one_host_is_its_part_alone, control_of_two_hosts) {
  rank_is_ready(0, 1);
  rank_is_ready(1, 1);
  host_report report;
  report.processes = {{0, 1, 1, 98}};
  receive({"i", 1, "host"}, head(0), report);
  BOOST_TEST(stored() == "1");
  report.processes.clear();
  receive({"i", 1, "host"}, head(0), report);
  BOOST_TEST(stored() == "2");
  for (const char* host : {"h", "i"}) {
    auto ended = take<end_group>();
    BOOST_REQUIRE(ended.has_value());
    BOOST_TEST(ended->first.to == host);
  }
}

BOOST_FIXTURE_TEST_CASE(it_stores_the_generation_then_starts_the_ranks, control) {
  BOOST_TEST(stored() == "1");
  auto started = take<start_group>();
  BOOST_REQUIRE(started.has_value());
  BOOST_TEST(started->first.to == "h");
  BOOST_TEST(started->first.it.head.generation == 1u);
  BOOST_TEST(started->second.ranks.size() == 2u);
}

BOOST_FIXTURE_TEST_CASE(a_dead_process_means_a_new_generation_and_the_end_of_the_old, control) {
  rank_is_ready(0, 1);
  rank_is_ready(1, 1);
  wire.sent.clear();
  receive({"h", 1, "host"}, head(1), group_process_exited{{0, 1, 1, 99}, "signal 9 (Killed)"});
  BOOST_TEST(stored() == "2");
  auto ended = take<end_group>();
  BOOST_REQUIRE(ended.has_value());
  BOOST_TEST(ended->first.it.head.generation == 1u);
  pass(50ms);
  BOOST_TEST(take<start_group>()->first.it.head.generation == 2u);
}

BOOST_FIXTURE_TEST_CASE(one_failure_told_by_many_is_one_restart, control) {
  rank_is_ready(0, 1);
  rank_is_ready(1, 1);
  receive(rank_peer(0, 1), head(1), rank_failed{0, {errc::aborted, "its peer died"}});
  post.on_down(rank_peer(1, 1), {errc::unavailable, "reset"});
  receive({"h", 1, "host"}, head(1), group_process_exited{{0, 1, 1, 99}, "signal 9 (Killed)"});
  BOOST_TEST(stored() == "2");
}

BOOST_FIXTURE_TEST_CASE(a_silent_rank_is_a_failure_of_its_generation_only, control) {
  rank_is_ready(0, 1);
  rank_is_ready(1, 1);
  tell(post.local(service::group_supervisor, 0), node_silent{rank_peer(1, 1), 2s});
  run();
  BOOST_TEST(stored() == "2");
  tell(post.local(service::group_supervisor, 0), node_silent{rank_peer(1, 1), 3s});
  run();
  BOOST_TEST(stored() == "2");
}

BOOST_FIXTURE_TEST_CASE(the_ranks_of_a_drained_group_are_ended_for_good, control) {
  rank_is_ready(0, 1);
  rank_is_ready(1, 1);
  wire.sent.clear();
  tell(post.local(service::group_supervisor, 0), drain{"m/0"});
  run();
  BOOST_TEST(!take<end_group>().has_value());  // streams are still running
  tell(post.local(service::group_supervisor, 0), group_idle{0, 1});
  run();
  auto ended = take<end_group>();
  BOOST_REQUIRE(ended.has_value());
  BOOST_TEST(ended->first.to == "h");
  BOOST_TEST(ended->first.it.head.generation == 1u);
  pass(1s);
  BOOST_TEST(!take<start_group>().has_value());
}

struct control_started_anew : control {
  control_started_anew() : control(1, 7) {}
};

BOOST_FIXTURE_TEST_CASE(what_is_to_be_adopted_is_not_started_a_second_time, control_started_anew) {
  post.on_up({"h", 1, "host"});
  post.on_down({"h", 1, "host"}, {errc::unavailable, "cut"});
  pass(1s);
  BOOST_TEST(!take<start_group>());
  // Nobody reports: what is started then is a generation of its own.
  pass(3s);
  const auto started = take<start_group>();
  BOOST_REQUIRE(started.has_value());
  BOOST_TEST(started->first.it.head.generation == 8u);
}

BOOST_FIXTURE_TEST_CASE(a_supervisor_that_is_not_alone_stops_acting, control) {
  entries.entries["group/m/0/generation"].revision = 100;  // another control node wrote it
  receive({"h", 1, "host"}, head(1), group_process_exited{{0, 1, 1, 99}, "exit 1"});
  wire.sent.clear();
  pass(1s);
  BOOST_TEST(wire.sent.empty());
}

}  // namespace
}  // namespace troupe
