// What a node's post office lets in.
#include <boost/test/unit_test.hpp>

#include "tests/actor/actor_world.hpp"

namespace troupe {
namespace {

using receiver_actor = caf::typed_actor<caf::result<void>(inbound)>;

struct office : actor_world {
  std::vector<envelope_body> got;
  peer_identity rank{"m-g0-r0", 1, "rank"};

  office() {
    auto receiver = system.spawn([this]() -> receiver_actor::behavior_type {
      return {[this](const inbound& message) { got.push_back(message.body()); }};
    });
    post.bind(service::controller, no_group_number, caf::actor_cast<caf::actor>(receiver));
  }
  envelope_head head() const {
    envelope_head h;
    h.to = service::controller;
    return h;
  }
};

BOOST_FIXTURE_TEST_CASE(a_frame_reaches_its_receiver, office) {
  receive(rank, head(), rank_leaving{1});
  BOOST_REQUIRE(got.size() == 1u);
  BOOST_TEST((got[0] == envelope_body{rank_leaving{1}}));
  BOOST_TEST(wire.disconnected.empty());
}

BOOST_FIXTURE_TEST_CASE(a_rank_that_speaks_for_somebody_else_is_cut_off, office) {
  receive(rank, head(), drain_request{"gateway-0"});
  BOOST_TEST(got.empty());
  BOOST_TEST(metrics.refused["role"] == 1);
  BOOST_TEST((wire.disconnected == std::vector<node_name>{"m-g0-r0"}));
  receive({"ctl", 1, "ctl"}, head(), drain_request{"gateway-0"});
  BOOST_TEST(got.size() == 1u);
}

BOOST_FIXTURE_TEST_CASE(what_is_no_envelope_cuts_its_sender_off, office) {
  post.on_frame(rank, std::make_shared<const std::vector<std::byte>>(64, std::byte{0xA5}), nullptr);
  run();
  BOOST_TEST(metrics.refused["corrupt"] == 1);
  envelope_head foreign = head();
  foreign.cluster = cluster_key("another");
  post.on_frame(rank, std::make_shared<const std::vector<std::byte>>(encode({foreign, rank_leaving{1}})), nullptr);
  run();
  BOOST_TEST(metrics.refused["cluster"] == 1);
  BOOST_TEST(wire.disconnected.size() == 2u);
  BOOST_TEST(got.empty());
}

BOOST_FIXTURE_TEST_CASE(a_frame_for_nobody_is_counted_and_forgiven, office) {
  auto to_nobody = head();
  to_nobody.to = service::router;
  receive(rank, to_nobody, group_load{});
  BOOST_TEST(metrics.refused["no_receiver"] == 1);
  BOOST_TEST(wire.disconnected.empty());
}

}  // namespace
}  // namespace troupe
