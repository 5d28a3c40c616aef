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

  control() {
    config.hosts.push_back({.name = "h"});
    deployment_config d;
    d.name = "m";
    d.tensor_parallel = 2;
    config.deployments.push_back(d);
    groups = groups_of(config);
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

BOOST_FIXTURE_TEST_CASE(a_supervisor_that_is_not_alone_stops_acting, control) {
  entries.entries["group/m/0/generation"].revision = 100;  // another control node wrote it
  receive({"h", 1, "host"}, head(1), group_process_exited{{0, 1, 1, 99}, "exit 1"});
  wire.sent.clear();
  pass(1s);
  BOOST_TEST(wire.sent.empty());
}

}  // namespace
}  // namespace troupe
