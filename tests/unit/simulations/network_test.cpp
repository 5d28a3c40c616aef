#include "simulations/world/network.hpp"

#include <boost/test/unit_test.hpp>
#include <cstring>
#include <deque>
#include <optional>
#include <set>

namespace troupe::simulation {
namespace {

using namespace std::chrono_literals;

/// A node that keeps what it is told, and checks what every node may rely on.
class kept_node final : public transport_listener {
 public:
  kept_node(world& w, network& n, peer_identity self, std::vector<node_name> dials, endpoint_limits limits = {})
      : owner(w.new_owner()) {
    place.emplace(n, endpoint_config{std::move(self), owner, std::move(dials), {"gateway", "rank"}, limits}, *this);
  }

  void on_up(const peer_identity& peer) override {
    BOOST_REQUIRE(!up.contains(peer.node));
    up[peer.node] = peer.incarnation;
    ++ups;
  }
  void on_frame(const peer_identity& peer, frame_bytes frame, frame_credit credit) override {
    BOOST_REQUIRE(up.at(peer.node) == peer.incarnation);
    uint32_t number = 0;
    std::memcpy(&number, frame->data(), sizeof number);
    numbers.push_back(number);
    if (keeps) credits.push_back(std::move(credit));
  }
  void on_down(const peer_identity& peer, const error& why) override {
    BOOST_REQUIRE(up.at(peer.node) == peer.incarnation);
    up.erase(peer.node);
    downs.push_back(why.detail);
  }

  result<void> send(const node_name& to, uint32_t number, size_t bytes = 4) {
    std::vector<std::byte> frame(bytes);
    std::memcpy(frame.data(), &number, sizeof number);
    return place->send(to, std::make_shared<const std::vector<std::byte>>(std::move(frame)));
  }

  owner_number owner;
  std::map<node_name, uint64_t> up;
  std::vector<uint32_t> numbers;
  std::vector<std::string> downs;
  std::deque<frame_credit> credits;
  bool keeps = false;
  int ups = 0;
  std::optional<network::endpoint> place;
};

struct two_nodes {
  world w{7};
  network net{w};
  kept_node gateway{w, net, {"gateway", 1, "gateway"}, {}};
  kept_node rank{w, net, {"rank", 1, "rank"}, {"gateway"}};

  void set(const node_name& from, const node_name& to, bool open) {
    path way;
    way.open = open;
    net.paths().set(from, to, way);
    net.ways_changed();
  }
  void run(duration d) { w.run_until(w.now() + d); }
};

std::vector<uint32_t> up_to(uint32_t end) {
  std::vector<uint32_t> all;
  for (uint32_t i = 0; i < end; ++i) all.push_back(i);
  return all;
}

BOOST_FIXTURE_TEST_CASE(frames_come_in_order_both_ways, two_nodes) {
  BOOST_TEST((gateway.send("rank", 0).err().code == errc::unavailable));
  run(100ms);
  BOOST_REQUIRE((gateway.up.contains("rank") && rank.up.contains("gateway")));
  for (uint32_t i = 0; i < 100; ++i) {
    BOOST_TEST(gateway.send("rank", i).has_value());
    BOOST_TEST(rank.send("gateway", i).has_value());
  }
  run(100ms);
  BOOST_TEST((gateway.numbers == up_to(100)));
  BOOST_TEST((rank.numbers == up_to(100)));
  run(1min);
  BOOST_TEST(net.links() == 1U);
  BOOST_TEST((gateway.downs.empty() && rank.downs.empty()));
}

BOOST_FIXTURE_TEST_CASE(who_ends_is_missed_and_found_again, two_nodes) {
  run(100ms);
  rank.place.reset();
  run(100ms);
  BOOST_TEST(gateway.up.empty());
  BOOST_TEST(gateway.downs.at(0) == "node rank closed the link");
  kept_node again(w, net, {"rank", 2, "rank"}, {"gateway"});
  run(100ms);
  BOOST_TEST(gateway.up.at("rank") == 2U);
  // One that is dialled comes back too: the dialler tries for ever.
  gateway.place.reset();
  run(30s);
  BOOST_TEST(again.up.empty());
  kept_node gateway_again(w, net, {"gateway", 2, "gateway"}, {});
  run(3s);
  BOOST_TEST(again.up.at("gateway") == 2U);
}

BOOST_FIXTURE_TEST_CASE(a_way_that_is_closed_for_a_moment_only_delays, two_nodes) {
  run(100ms);
  set("rank", "gateway", false);
  for (uint32_t i = 0; i < 10; ++i) BOOST_TEST(rank.send("gateway", i).has_value());
  run(2s);
  BOOST_TEST(gateway.numbers.empty());
  set("rank", "gateway", true);
  for (uint32_t i = 10; i < 20; ++i) BOOST_TEST(rank.send("gateway", i).has_value());
  run(100ms);
  BOOST_TEST((gateway.numbers == up_to(20)));
  BOOST_TEST((gateway.downs.empty() && rank.downs.empty()));
}

BOOST_FIXTURE_TEST_CASE(a_way_that_stays_closed_ends_the_link_on_both_sides, two_nodes) {
  run(100ms);
  set("rank", "gateway", false);
  run(5s);
  BOOST_TEST(gateway.downs.at(0) == "node rank says nothing");
  // The gateway still reaches the rank, which learns so that its link is gone, and finds nobody.
  BOOST_TEST(rank.downs.at(0) == "node gateway closed the link");
  run(1min);
  BOOST_TEST(net.links() == 0U);
  set("rank", "gateway", true);
  run(8s);
  BOOST_TEST(net.links() == 1U);
  BOOST_TEST((gateway.ups == 2 && rank.ups == 2));
}

BOOST_FIXTURE_TEST_CASE(both_sides_notice_silence_by_themselves, two_nodes) {
  run(100ms);
  set("rank", "gateway", false);
  set("gateway", "rank", false);
  run(6s);
  BOOST_TEST(gateway.downs.at(0) == "node rank says nothing");
  BOOST_TEST(rank.downs.at(0) == "node gateway says nothing");
}

BOOST_AUTO_TEST_CASE(a_peer_that_does_not_finish_costs_a_bounded_queue) {
  world w(7);
  network net(w);
  endpoint_limits limits;
  limits.window_frames = 10;
  limits.window_bytes = 100;
  limits.frame_bytes_max = 50;
  limits.queue_frames_max = 20;
  limits.queue_bytes_max = 200;
  kept_node gateway(w, net, {"gateway", 1, "gateway"}, {}, limits),
      rank(w, net, {"rank", 1, "rank"}, {"gateway"}, limits);
  w.run_until(1s);
  gateway.keeps = true;
  for (uint32_t i = 0; i < 30; ++i) BOOST_TEST(rank.send("gateway", i).has_value());
  BOOST_TEST((rank.send("gateway", 30).err().code == errc::overloaded));
  BOOST_TEST((rank.send("gateway", 30, 51).err().code == errc::payload_too_large));
  w.run_until(2s);
  BOOST_TEST((gateway.numbers == up_to(10)));
  gateway.credits.clear();
  w.run_until(3s);
  BOOST_TEST((gateway.numbers == up_to(20)));
  gateway.keeps = false;
  gateway.credits.clear();
  w.run_until(4s);
  BOOST_TEST((gateway.numbers == up_to(30)));
}

BOOST_FIXTURE_TEST_CASE(a_stopped_node_receives_what_came_when_it_goes_on, two_nodes) {
  run(100ms);
  w.freeze(rank.owner);
  BOOST_TEST(gateway.send("rank", 0).has_value());
  run(2s);
  BOOST_TEST(rank.numbers.empty());
  w.thaw(rank.owner);
  run(100ms);
  BOOST_TEST((rank.numbers == up_to(1)));
  // One that sleeps longer is given up, and learns it when it wakes.
  w.freeze(rank.owner);
  run(1min);
  BOOST_TEST(gateway.downs.size() == 1U);
  BOOST_TEST(rank.downs.empty());
  w.thaw(rank.owner);
  run(3s);
  BOOST_TEST(rank.downs.size() == 1U);
  BOOST_TEST(net.links() == 1U);
}

BOOST_FIXTURE_TEST_CASE(a_cut_link_loses_what_was_under_way_and_is_made_anew, two_nodes) {
  run(100ms);
  BOOST_TEST(rank.send("gateway", 1).has_value());
  net.cut("gateway", "rank");
  run(3s);
  BOOST_TEST(gateway.numbers.empty());
  BOOST_TEST(gateway.downs.at(0) == "the connection to node rank was reset");
  BOOST_TEST(rank.downs.at(0) == "node gateway closed the link");
  BOOST_TEST(net.links() == 1U);
}

BOOST_FIXTURE_TEST_CASE(a_node_may_end_a_link_itself, two_nodes) {
  run(100ms);
  rank.place->disconnect("gateway", "enough");
  rank.place->disconnect("nobody", "enough");
  BOOST_TEST(rank.downs.empty());
  run(20ms);
  BOOST_TEST(rank.downs.at(0) == "enough");
  BOOST_TEST(gateway.downs.at(0) == "node rank closed the link");
}

BOOST_FIXTURE_TEST_CASE(the_newest_of_a_name_is_linked, two_nodes) {
  run(100ms);
  kept_node newer(w, net, {"rank", 2, "rank"}, {"gateway"});
  run(1s);
  BOOST_TEST(gateway.up.at("rank") == 2U);
  BOOST_TEST(gateway.downs.at(0) == "another connection of node rank takes its place");
  // The older one lives, and is refused as often as it dials.
  run(1min);
  BOOST_TEST(rank.up.empty());
  BOOST_TEST(gateway.downs.size() == 1U);
}

BOOST_FIXTURE_TEST_CASE(another_role_is_refused, two_nodes) {
  kept_node stranger(w, net, {"stranger", 1, "host"}, {"gateway"});
  run(10s);
  BOOST_TEST(stranger.up.empty());
  BOOST_TEST(!gateway.up.contains("stranger"));
}

/// Some links under random faults, and numbers over them; what each side got.
uint64_t random_history(uint64_t seed) {
  world w(seed);
  network net(w);
  seeded_random random(seed, drawn_by::faults);
  kept_node gateway(w, net, {"gateway", 1, "gateway"}, {});
  std::deque<kept_node> ranks;
  for (const char* name : {"a", "b", "c"})
    ranks.emplace_back(w, net, peer_identity{name, 1, "rank"}, std::vector<node_name>{"gateway"});
  uint32_t number = 0;
  std::set<size_t> frozen;
  for (int i = 0; i < 400; ++i) {
    const size_t which = random.below(ranks.size());
    kept_node& rank = ranks[which];
    const node_name name(1, "abc"[which]);
    switch (random.below(6)) {
      case 0: {
        path way;
        way.open = random.chance(0.5);
        way.delay = random.between(duration(0), duration(300ms));
        random.chance(0.5) ? net.paths().set(name, "gateway", way) : net.paths().set("gateway", name, way);
        net.ways_changed();
        break;
      }
      case 1: net.cut("gateway", name); break;
      case 2:
        if (frozen.insert(which).second) w.freeze(rank.owner);
        break;
      case 3:
        if (frozen.erase(which) > 0) w.thaw(rank.owner);
        break;
      default:
        for (int sent = 0; sent < 5; ++sent) (void)rank.send("gateway", number++);
    }
    w.run_until(w.now() + random.between(duration(0), duration(1s)));
  }
  // Each link keeps its order, and nothing comes twice: the numbers of one rank only grow.
  const std::set<uint32_t> all(gateway.numbers.begin(), gateway.numbers.end());
  BOOST_REQUIRE(all.size() == gateway.numbers.size());
  for (const size_t which : frozen) w.thaw(ranks[which].owner);
  for (const char* name : {"a", "b", "c"}) {
    net.paths().set(name, "gateway", {});
    net.paths().set("gateway", name, {});
  }
  net.ways_changed();
  w.run_until(w.now() + 30s);
  BOOST_REQUIRE(net.links() == 3U);
  return w.history().hash();
}

BOOST_AUTO_TEST_CASE(after_any_faults_the_links_are_there_again_and_the_history_is_the_seeds) {
  std::set<uint64_t> hashes;
  for (uint64_t seed = 0; seed < 100; ++seed) BOOST_TEST_CONTEXT("seed " << seed) hashes.insert(random_history(seed));
  BOOST_TEST(hashes.size() == 100U);
  for (uint64_t seed = 0; seed < 10; ++seed) BOOST_TEST(hashes.contains(random_history(seed)));
}

}  // namespace
}  // namespace troupe::simulation
