// A rank: the test is its compute and the gateways.
#include "actors/rank/rank.hpp"

#include <boost/test/unit_test.hpp>

#include "tests/actor/actor_world.hpp"

namespace troupe {
namespace {

using namespace std::chrono_literals;

class played_compute final : public compute {
 public:
  void open(std::optional<group_meeting> where, std::function<void(result<compute_facts>)> done) override {
    meetings.push_back(std::move(where));
    opened = std::move(done);
  }
  void submit(step_request, std::function<void(result<step_result>)>) override {}
  void follow(std::function<void(error)>) override {}
  uint64_t steps_finished() const override { return 0; }
  void abort(std::string why) override { aborted.push_back(std::move(why)); }

  std::function<void(result<compute_facts>)> opened;
  std::vector<std::string> aborted;
  /// Of each call of open().
  std::vector<std::optional<group_meeting>> meetings;
};

struct lone_rank : actor_world {
  peer_identity gateway{"g", 1, "gateway"};
  std::vector<group_spec> groups;
  played_compute device;
  std::vector<int> exit_codes;

  explicit lone_rank(std::optional<rank_endpoint> listening = std::nullopt) : actor_world("rank") {
    config.supervision.orphan_timeout = 2s;
    config.hosts.push_back({.name = "h"});
    deployment_config d;
    d.name = "m";
    config.deployments.push_back(d);
    groups = groups_of(config);
    rank_config for_it;
    for_it.group = &groups[0];
    for_it.rank = 1;
    for_it.generation = 3;
    for_it.listening = std::move(listening);
    for_it.end_node = [this](int code) { exit_codes.push_back(code); };
    spawn_rank(system, env, std::move(for_it), device);
    run();
  }
};

BOOST_FIXTURE_TEST_SUITE(rank_of_a_group, lone_rank)

BOOST_AUTO_TEST_CASE(a_rank_says_that_it_is_ready_until_control_has_surely_heard_it) {
  pass(100ms);
  BOOST_TEST(!take<rank_ready>());
  device.opened(compute_facts{"avx2", 64, 256, 100, 1});
  post.on_up(gateway);
  run();
  for (int told = 0; told < 3; ++told) {  // control may have been started anew, while the link stayed
    auto ready = take<rank_ready>();
    BOOST_REQUIRE(ready.has_value());
    BOOST_TEST(ready->first.to == "g");
    BOOST_TEST((ready->first.it.head.to == service::group_supervisor));
    BOOST_TEST(ready->first.it.head.generation == 3u);
    BOOST_TEST(ready->second.rank == 1u);
    BOOST_TEST(ready->second.fingerprint == "avx2");
    wire.sent.clear();
    pass(600ms);
  }
  tell(post.local(service::node, 0), compute_ended{{errc::aborted, "a collective failed"}});
  run();
  BOOST_TEST(take<rank_failed>().has_value());
  wire.sent.clear();
  pass(2s);
  BOOST_TEST(!take<rank_ready>());
}

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

BOOST_AUTO_TEST_CASE(a_rank_whose_group_is_on_one_host_opens_at_once) {
  BOOST_REQUIRE(device.meetings.size() == 1u);
  BOOST_TEST(!device.meetings[0]);
}

BOOST_AUTO_TEST_SUITE_END()

struct rank_among_hosts : lone_rank {
  rank_among_hosts() : lone_rank(rank_endpoint{"10.0.0.2", 4711}) {}

  const group_meeting meeting{.secret = {std::byte{7}}, .addresses = {{"10.0.0.1", 1}, {"10.0.0.2", 4711}}};
  void tell_meeting(generation_number generation) {
    envelope_head head;
    head.to = service::node;
    head.group = 0;
    head.generation = generation;
    receive(gateway, head, meeting);
  }
};

BOOST_FIXTURE_TEST_CASE(a_rank_among_several_hosts_says_where_it_listens_until_it_learns_where_the_others_do,
                        rank_among_hosts) {
  post.on_up(gateway);
  run();
  for (int told = 0; told < 3; ++told) {
    auto listening = take<rank_listening>();
    BOOST_REQUIRE(listening.has_value());
    BOOST_TEST((listening->first.it.head.to == service::group_supervisor));
    BOOST_TEST(listening->first.it.head.generation == 3u);
    BOOST_TEST((listening->second == rank_listening{1, {"10.0.0.2", 4711}}));
    wire.sent.clear();
    pass(600ms);
  }
  BOOST_TEST(device.meetings.empty());
  tell_meeting(2);  // of an incarnation that was replaced
  BOOST_TEST(device.meetings.empty());
  BOOST_TEST(metrics.refused["generation"] == 1);
  tell_meeting(3);
  tell_meeting(3);
  BOOST_REQUIRE(device.meetings.size() == 1u);
  BOOST_TEST((device.meetings[0] == meeting));
  wire.sent.clear();
  pass(2s);
  BOOST_TEST(!take<rank_listening>());
  device.opened(compute_facts{"avx2", 64, 256, 100, 1});
  run();
  BOOST_TEST(take<rank_ready>().has_value());
}

}  // namespace
}  // namespace troupe
