// A rank whose compute never answers: the test is the gateways.
#include "actors/rank/rank.hpp"

#include <boost/test/unit_test.hpp>

#include "tests/actor/actor_world.hpp"

namespace troupe {
namespace {

using namespace std::chrono_literals;

class silent_compute final : public compute {
 public:
  void open(std::function<void(result<compute_facts>)>) override {}
  void submit(step_request, std::function<void(result<step_result>)>) override {}
  void follow(std::function<void(error)>) override {}
  uint64_t steps_finished() const override { return 0; }
  void abort(std::string why) override { aborted.push_back(std::move(why)); }

  std::vector<std::string> aborted;
};

struct lone_rank : actor_world {
  peer_identity gateway{"g", 1, "gateway"};
  std::vector<group_spec> groups;
  silent_compute device;
  std::vector<int> exit_codes;

  lone_rank() : actor_world("rank") {
    config.supervision.orphan_timeout = 2s;
    config.hosts.push_back({.name = "h"});
    deployment_config d;
    d.name = "m";
    config.deployments.push_back(d);
    groups = groups_of(config);
    rank_config for_it;
    for_it.group = &groups[0];
    for_it.end_node = [this](int code) { exit_codes.push_back(code); };
    spawn_rank(system, env, std::move(for_it), device);
    run();
  }
};

BOOST_FIXTURE_TEST_SUITE(orphans, lone_rank)

BOOST_AUTO_TEST_CASE(a_rank_that_no_gateway_finds_ends_itself_once) {
  pass(2s);
  BOOST_TEST(exit_codes.empty());
  pass(1s);
  BOOST_TEST(exit_codes == std::vector{1}, boost::test_tools::per_element());
  BOOST_TEST(device.aborted.size() == 1u);
  pass(10s);
  BOOST_TEST(exit_codes.size() == 1u);
}

BOOST_AUTO_TEST_CASE(a_gateway_that_returns_in_time_finds_its_ranks) {
  for (int round = 0; round < 3; ++round) {
    post.on_up(gateway);
    pass(10s);
    post.on_down(gateway, {errc::unavailable, "killed"});
    pass(1500ms);
    BOOST_TEST(exit_codes.empty());
  }
  post.on_up({"h", 1, "host"});
  pass(1500ms);
  BOOST_TEST(exit_codes.size() == 1u);  // a host is no gateway
}

BOOST_AUTO_TEST_CASE(a_ranks_own_pause_is_not_its_gateways_absence) {
  post.on_up(gateway);
  pass(1s);
  post.on_down(gateway, {errc::unavailable, "killed"});
  run();
  time.move(1h);  // stopped before it could link again
  pass(1s);
  BOOST_TEST(exit_codes.empty());
  post.on_up(gateway);
  pass(10s);
  BOOST_TEST(exit_codes.empty());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace troupe
