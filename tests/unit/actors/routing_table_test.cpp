#include "actors/router/routing_table.hpp"

#include <boost/test/unit_test.hpp>

namespace troupe {
namespace {

struct two_groups {
  cluster_config config;
  std::vector<group_spec> groups;
  std::optional<routing_table> table;

  two_groups() {
    config.hosts.push_back({.name = "h"});
    deployment_config d;
    d.name = "m";
    d.groups = 2;
    d.tensor_parallel = 2;
    config.deployments.push_back(d);
    groups = groups_of(config);
    table.emplace(groups);
  }

  void up(group_number group, generation_number generation, const std::string& bits = "cpu") {
    table->on_link(groups[group].rank_node(0), true);
    tell(group, generation, group_phase::ready, bits);
    report(group, generation, 0);
  }
  std::optional<routing_table::incarnation> tell(group_number group, generation_number generation, group_phase phase,
                                                 const std::string& bits = "cpu") {
    return table->on_state({group, generation, phase, groups[group].rank_node(0), bits, ""});
  }
  bool report(group_number group, generation_number generation, uint32_t running, uint32_t waiting = 0) {
    group_load load;
    load.running = running;
    load.waiting = waiting;
    load.sequences_max = 4;
    load.waiting_max = 2;
    return table->on_load(group, generation, load);
  }
};

BOOST_FIXTURE_TEST_CASE(names_and_places_follow_from_the_configuration, two_groups) {
  BOOST_TEST(groups[1].name == "m/1");
  BOOST_TEST(groups[1].rank_node(1) == "m-g1-r1");
  BOOST_TEST(find_rank(groups, "m-g1-r1")->rank == 1u);
  BOOST_TEST(!find_rank(groups, "m-g2-r0"));
}

BOOST_FIXTURE_TEST_CASE(prefers_the_least_loaded_group, two_groups) {
  up(0, 1);
  up(1, 1);
  report(0, 1, 3);
  report(1, 1, 1);
  BOOST_TEST(table->choose("m", "", 10)->group == 1u);
}

BOOST_FIXTURE_TEST_CASE(who_comes_over_a_new_link_has_to_report_first, two_groups) {
  up(0, 1);
  BOOST_TEST(table->is_ready(0));
  table->on_link("m-g0-r0", false);
  table->on_link("m-g0-r0", true);
  BOOST_TEST(!table->is_ready(0));
  BOOST_TEST(!table->choose("m", "", 10));
  report(0, 1, 0);
  BOOST_TEST(table->is_ready(0));
}

BOOST_FIXTURE_TEST_CASE(counts_what_it_sent_before_the_next_report, two_groups) {
  up(0, 1);
  up(1, 1);
  std::map<group_number, int> sent;
  for (int i = 0; i < 6; ++i) ++sent[table->choose("m", "", 10)->group];
  BOOST_TEST(sent[0] == 3);
  BOOST_TEST(sent[1] == 3);
}

BOOST_FIXTURE_TEST_CASE(a_group_is_used_only_when_it_is_ready_linked_and_has_reported, two_groups) {
  BOOST_TEST((table->choose("m", "", 1).err().code == errc::no_group));
  tell(0, 1, group_phase::ready);
  BOOST_TEST(!table->choose("m", "", 1));
  table->on_link("m-g0-r0", true);
  BOOST_TEST(!table->choose("m", "", 1));
  report(0, 1, 0);
  BOOST_TEST(table->choose("m", "", 1).has_value());
  BOOST_TEST(table->all_ready());
}

BOOST_FIXTURE_TEST_CASE(refuses_when_every_queue_is_full, two_groups) {
  up(0, 1);
  report(0, 1, 4, 2);
  BOOST_TEST((table->choose("m", "", 1).err().code == errc::overloaded));
}

BOOST_FIXTURE_TEST_CASE(streams_that_ended_before_the_next_report_take_no_place, two_groups) {
  up(0, 1);
  report(0, 1, 3);
  for (int i = 0; i < 20; ++i) {
    BOOST_REQUIRE(table->choose("m", "", 1).has_value());
    table->release(0, 1);
  }
  for (int i = 0; i < 3; ++i) BOOST_TEST(table->choose("m", "", 1).has_value());
  BOOST_TEST((table->choose("m", "", 1).err().code == errc::overloaded));
  report(0, 1, 6);
  BOOST_TEST((table->choose("m", "", 1).err().code == errc::overloaded));
}

BOOST_FIXTURE_TEST_CASE(an_older_generation_is_neither_heard_nor_used, two_groups) {
  up(0, 5);
  BOOST_TEST(!tell(0, 4, group_phase::ready));
  BOOST_TEST(!report(0, 4, 0));
  BOOST_TEST(table->choose("m", "", 1)->generation == 5u);
}

BOOST_FIXTURE_TEST_CASE(the_end_of_an_incarnation_is_told_once, two_groups) {
  up(0, 1);
  auto lost = tell(0, 2, group_phase::backing_off);
  BOOST_REQUIRE(lost.has_value());
  BOOST_TEST(lost->generation == 1u);
  BOOST_TEST(!tell(0, 2, group_phase::starting));
  BOOST_TEST(!table->choose("m", "", 1));
}

BOOST_FIXTURE_TEST_CASE(a_lost_link_ends_the_incarnation_for_its_streams, two_groups) {
  up(0, 1);
  BOOST_TEST(table->on_link("m-g0-r0", false)->group == 0u);
  BOOST_TEST(!table->on_link("m-g0-r0", false));
  BOOST_TEST(!table->choose("m", "", 1));
}

BOOST_FIXTURE_TEST_CASE(a_stream_with_tokens_goes_on_only_where_the_bits_are_the_same, two_groups) {
  up(0, 1, "avx");
  BOOST_TEST((table->choose("m", "cuda", 1).err().code == errc::no_group));
  up(1, 1, "cuda");
  BOOST_TEST(table->choose("m", "cuda", 1)->group == 1u);
}

BOOST_FIXTURE_TEST_CASE(a_draining_group_keeps_its_streams_and_takes_no_new_ones, two_groups) {
  up(0, 1);
  auto target = table->choose("m", "", 1);
  BOOST_TEST(!tell(0, 1, group_phase::draining));  // nothing is lost
  BOOST_TEST(!table->choose("m", "", 1));
  report(0, 1, 1);
  BOOST_TEST(table->idle_draining().empty());
  table->release(0, 1);
  BOOST_TEST(table->idle_draining().empty());  // the leader still has one
  report(0, 1, 0);
  BOOST_TEST(table->idle_draining().size() == 1u);
}

}  // namespace
}  // namespace troupe
