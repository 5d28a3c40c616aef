// The root of a node's actors, and the tree that the controller makes of what it and others say.
#include "actors/root/root.hpp"

#include <boost/test/unit_test.hpp>
#include <caf/event_based_actor.hpp>

#include "actors/controller/controller.hpp"
#include "tests/actor/actor_world.hpp"
#include "tests/support/memory_store.hpp"

namespace troupe {
namespace {

using namespace std::chrono_literals;

struct node_with_root : actor_world {
  std::map<std::string, caf::actor> children;
  std::vector<tree_part> told;
  int exit_code = -1;
  caf::actor asker;

  node_with_root() {
    asker = system.spawn([this](caf::event_based_actor*) -> caf::behavior {
      return {[this](const tree_part& part) { told.push_back(part); }};
    });
    root_config for_it;
    for (const char* name : {"one", "two"}) {
      for_it.children.push_back({name, [this, name] {
                                   children[name] = system.spawn(
                                       [](caf::event_based_actor*) -> caf::behavior { return {[](const tick&) {}}; });
                                   return children[name];
                                 }});
    }
    for_it.restarts = {.restarts_max = 2, .period = 60s, .delay = 50ms, .delay_max = 1s};
    for_it.end_node = [this](int code) { exit_code = code; };
    post.bind(service::node, no_group_number, caf::actor_cast<caf::actor>(spawn_root(system, env, for_it)));
    run();
  }
  ~node_with_root() { caf::anon_send_exit(asker, caf::exit_reason::kill); }

  void end(const std::string& child) {
    // Not `kill`, of which those that are linked die too.
    caf::anon_send_exit(children.at(child), caf::exit_reason::user_shutdown);
    run();
  }
  std::vector<tree_entry> described() {
    tell(post.local(service::node), describe{7, asker});
    run();
    if (told.empty()) return {};
    BOOST_TEST(told.back().correlation == 7u);
    BOOST_TEST((told.back().from == service::node));
    return told.back().entries;
  }
};

tree_entry actor(uint32_t depth, std::string name, std::string state, uint32_t restarts = 0) {
  return {depth, "actor", std::move(name), std::move(state), 0, restarts, 0, ""};
}

BOOST_FIXTURE_TEST_SUITE(root_of_a_node, node_with_root)

BOOST_AUTO_TEST_CASE(what_dies_is_started_again_and_the_others_are_left_alone) {
  auto two = children.at("two");
  end("one");
  BOOST_TEST((described() == std::vector{actor(1, "one", "away", 1), actor(1, "two", "running")}));
  pass(60ms);
  BOOST_TEST((described() == std::vector{actor(1, "one", "running", 1), actor(1, "two", "running")}));
  BOOST_TEST((children.at("two") == two));
  BOOST_TEST(exit_code == -1);
}

BOOST_AUTO_TEST_CASE(the_node_ends_beyond_the_bound_on_restarts) {
  for (int i = 0; i < 2; ++i) {
    end("one");
    pass(200ms);
  }
  BOOST_TEST(exit_code == -1);
  end("two");
  BOOST_TEST(exit_code == 1);
}

BOOST_AUTO_TEST_CASE(the_end_of_the_node_is_nobodys_death) {
  post.bind(service::requests, no_group_number, children.at("one"));
  scheduler().inline_all_enqueues();  // Each has ended before the next is told.
  post.end_all();
  run();
  BOOST_TEST(errors.events == std::vector<std::string>(), boost::test_tools::per_element());
  BOOST_TEST(exit_code == -1);
}

BOOST_AUTO_TEST_CASE(an_operator_sees_every_child_in_the_tree) {
  memory_store entries;
  config.hosts.push_back({.name = "h"});
  std::vector<group_spec> no_groups;
  spawn_controller(system, env, {.drain_node = [] {}, .pid = 42}, no_groups, entries);
  run();
  end("two");
  envelope_head head;
  head.to = service::controller;
  head.correlation = 5;
  receive({"ctl", 1, "ctl"}, head, describe_request{});
  auto asked = take<describe_request>();  // the host's agent, which answers last
  BOOST_REQUIRE(asked.has_value());
  BOOST_TEST(!take<description>());
  description of_host;
  of_host.tree = {{1, "host", "h", "running", 0, 0, 9, ""}};
  head.correlation = asked->first.it.head.correlation;
  receive({"h", 1, "host"}, head, of_host);
  auto answer = take<description>();
  BOOST_REQUIRE(answer.has_value());
  BOOST_TEST(answer->first.to == "ctl");
  BOOST_TEST(answer->first.it.head.correlation == 5u);
  std::vector<tree_entry> expected{{0, "cluster", "test", "running", 0, 0, 0, ""},
                                   {1, "host", "h", "running", 0, 0, 9, ""},
                                   {1, "node", "self", "in control", 0, 0, 42, ""},
                                   actor(2, "one", "running"),
                                   actor(2, "two", "away", 1)};
  BOOST_TEST((answer->second.tree == expected));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace troupe
