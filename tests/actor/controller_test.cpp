// The controller, with the store in the test's hand: what becomes of control when the store fails.
#include "actors/controller/controller.hpp"

#include <boost/test/unit_test.hpp>

#include "tests/actor/actor_world.hpp"
#include "tests/support/memory_store.hpp"

namespace troupe {
namespace {

using namespace std::chrono_literals;

class failing_store final : public store {
 public:
  result<std::optional<store_entry>> get(std::string_view key) override {
    if (cannot_be_read) return error{errc::io_failed, "the disk does not answer"};
    return entries.get(key);
  }
  result<uint64_t> put_if(std::string_view key, std::string_view value, uint64_t expected) override {
    if (fails) return {errc::io_failed, "the disk is full"};
    return entries.put_if(key, value, expected);
  }
  result<void> remove_if(std::string_view key, uint64_t expected) override { return entries.remove_if(key, expected); }
  result<std::vector<store_entry>> list(std::string_view prefix) override { return entries.list(prefix); }

  memory_store entries;
  bool fails = false;
  bool cannot_be_read = false;
};

struct controlled : actor_world {
  std::vector<group_spec> groups;
  failing_store state;

  controlled() {
    config.hosts.push_back({.name = "h"});
    deployment_config d;
    d.name = "m";
    config.deployments.push_back(d);
    groups = groups_of(config);
    spawn_controller(system, env, {}, groups, state);
    run();
  }
  /// What `troupe ctl tree` is told, a line each: "node self in control".
  std::vector<std::string> tree() {
    envelope_head head;
    head.to = service::controller;
    receive({"ctl", 1, "ctl"}, head, describe_request{});
    pass(600ms);  // No host answers.
    auto answer = take<description>();
    std::vector<std::string> lines;
    if (!answer) return lines;
    for (const auto& entry : answer->second.tree) lines.push_back(entry.kind + " " + entry.name + " " + entry.state);
    return lines;
  }
};

using lines = std::vector<std::string>;

BOOST_FIXTURE_TEST_CASE(control_that_was_lost_with_the_store_is_taken_again_with_it, controlled) {
  const lines in_control{"cluster test running", "node self in control", "group m/0 starting", "rank m-g0-r0 away"};
  BOOST_TEST(tree() == in_control, boost::test_tools::per_element());
  state.fails = true;
  pass(2s);
  const lines without{"cluster test running", "node self standing by"};
  BOOST_TEST(tree() == without, boost::test_tools::per_element());
  BOOST_TEST(!post.local(service::group_supervisor, 0));
  state.fails = false;
  pass(1s);
  BOOST_TEST(tree() == in_control, boost::test_tools::per_element());
}

BOOST_FIXTURE_TEST_CASE(a_store_that_cannot_be_read_for_a_moment_does_not_make_control_give_up, controlled) {
  const lines in_control = tree();
  const auto supervisor = post.local(service::group_supervisor, 0);
  state.cannot_be_read = true;
  // It ends, and so does each that takes its place: they are started with a growing delay.
  caf::anon_send_exit(supervisor, caf::exit_reason::user_shutdown);
  pass(300ms);
  state.cannot_be_read = false;
  pass(3s);
  BOOST_TEST(tree() == in_control, boost::test_tools::per_element());
}

}  // namespace
}  // namespace troupe
