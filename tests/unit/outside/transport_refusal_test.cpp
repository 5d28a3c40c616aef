// Peers that mean ill, or are broken: each is refused or given up, and a healthy link beside it goes on as if they were
// not there.
#include <atomic>
#include <boost/asio/buffer.hpp>
#include <boost/asio/write.hpp>
#include <boost/test/unit_test.hpp>
#include <fstream>
#include <thread>

#include "actors/outside/descriptors/listening_socket.hpp"
#include "tests/unit/outside/transport_fixture.hpp"

namespace troupe {
namespace {

using namespace std::chrono_literals;
using test::hello_of;
using test::raw_peer;
using test::test_cluster;
using test::test_node;
using event = test::recording_listener::event;

/// "a" and "healthy" exchange frames from before the test until after it; the destructor checks that nothing came
/// between.
struct beside_a_healthy_link {
  test_cluster& cluster = test::blue_cluster();
  test_node a{cluster, "a"};
  test_node healthy{cluster, "healthy"};

  void start() {
    a.start();
    healthy.dials(a).start();
    BOOST_REQUIRE(a.listener.wait_up("healthy"));
    BOOST_REQUIRE(healthy.listener.wait_up("a"));
  }

  void still_healthy() {
    size_t before = a.listener.frames().size();
    BOOST_REQUIRE(healthy.send(a, "still here"));
    BOOST_TEST(a.listener.wait_frames(before + 1));
    BOOST_TEST(healthy.listener.events().size() == 1u);
    BOOST_TEST(healthy.metrics.count("up") == 1u);
  }

  /// Connected, authenticated and greeted as `node`.
  raw_peer linked(const std::string& node) {
    raw_peer peer(a.transport->port());
    auto files = cluster.certificates(node);
    BOOST_REQUIRE(peer.handshake(&files));
    BOOST_REQUIRE(peer.greet(hello_of(node)));
    BOOST_REQUIRE(a.listener.wait_up(node));
    return peer;
  }
};

BOOST_FIXTURE_TEST_SUITE(transport_refusal, beside_a_healthy_link)

BOOST_AUTO_TEST_CASE(plain_text_is_refused) {
  start();
  raw_peer peer(a.transport->port());
  boost::system::error_code failed;
  boost::asio::write(peer.socket(), boost::asio::buffer(std::string("GET / HTTP/1.1\r\nHost: a\r\n\r\n")), failed);
  BOOST_TEST(a.metrics.wait("refused tls"));
  peer.wait_closed();
  still_healthy();
}

BOOST_AUTO_TEST_CASE(random_bytes_are_refused) {
  start();
  system_random random;
  for (size_t i = 1; i <= 20; ++i) {
    raw_peer peer(a.transport->port());
    // A TLS record's head first, so that some of it gets past the outermost check.
    std::string bytes("\x16\x03\x01\x02\x00\x01\x00\x01\xFC\x03\x03", 11);
    for (int word = 0; word < 100; ++word) {
      auto value = random.next();
      bytes.append(reinterpret_cast<const char*>(&value), sizeof value);
    }
    boost::system::error_code failed;
    boost::asio::write(peer.socket(), boost::asio::buffer(bytes), failed);
    BOOST_TEST(a.metrics.wait("refused tls", i));
  }
  still_healthy();
}

BOOST_AUTO_TEST_CASE(a_peer_without_a_certificate_is_refused) {
  start();
  raw_peer peer(a.transport->port());
  peer.handshake(nullptr);
  BOOST_TEST(!peer.greet(hello_of("b")).has_value());
  BOOST_TEST(a.metrics.wait("refused tls"));
  still_healthy();
}

BOOST_AUTO_TEST_CASE(older_tls_is_refused) {
  start();
  raw_peer peer(a.transport->port());
  auto files = cluster.certificates("b");
  BOOST_TEST(!peer.handshake(&files, true));
  BOOST_TEST(a.metrics.wait("refused tls"));
  still_healthy();
}

BOOST_AUTO_TEST_CASE(a_certificate_of_another_authority_is_refused_at_either_end) {
  test_cluster impostor("blue");
  test_node b(impostor, "b");
  start();
  b.dials(a).start();
  BOOST_TEST(a.metrics.wait("refused tls"));
  BOOST_TEST(b.metrics.wait("refused tls"));
  // And the other way round: a dialled impostor learns nothing.
  test_node c(cluster, "c");
  c.config.peers = {{"b", "127.0.0.1", b.transport->port()}};
  c.start();
  BOOST_TEST(c.metrics.wait("refused tls"));
  BOOST_TEST(b.listener.events().empty());
  BOOST_TEST(c.listener.events().empty());
  still_healthy();
}

BOOST_AUTO_TEST_CASE(an_expired_certificate_is_refused) {
  test_cluster old("blue", std::chrono::days(500));
  test_node old_a(old, "a"), old_b(old, "b");
  old_a.start();
  old_b.dials(old_a).start();
  BOOST_TEST(old_b.metrics.wait("refused tls"));
  BOOST_TEST(old_a.metrics.wait("refused tls"));
  BOOST_TEST(old_a.listener.events().empty());
}

BOOST_AUTO_TEST_CASE(a_node_of_another_cluster_is_refused_even_under_a_common_authority) {
  test_cluster red("red");
  auto both = red.folder() / "both.pem";
  for (const auto& folder : {cluster.folder(), red.folder()}) {
    std::ifstream in(folder / "authority.pem");
    std::ofstream(both, std::ios::app) << in.rdbuf();
  }
  auto files = red.certificates("b");
  a.config.certificates.authority = both;
  start();
  raw_peer peer(a.transport->port());
  BOOST_REQUIRE(peer.handshake(&files));
  BOOST_TEST(!peer.greet(hello_of("b")).has_value());
  BOOST_TEST(a.metrics.wait("refused cluster"));
  test_node b(red, "b");
  b.config.certificates.authority = both;
  b.dials(a).start();
  BOOST_TEST(b.metrics.wait("refused cluster"));
  still_healthy();
}

BOOST_AUTO_TEST_CASE(a_role_that_is_not_allowed_is_refused_at_either_end) {
  test_node b(cluster, "b");
  b.config.self.role = "stranger";
  b.config.certificates = cluster.certificates("b", "stranger");
  test_node c(cluster, "c");
  start();
  b.dials(a).start();
  BOOST_TEST(a.metrics.wait("refused role"));
  BOOST_TEST(b.metrics.wait("refused role"));  // the answer says why
  c.config.peers = {{"b", "127.0.0.1", b.transport->port()}};
  c.start();
  BOOST_TEST(c.metrics.wait("refused role"));
  BOOST_TEST(c.listener.events().empty());
  still_healthy();
}

BOOST_AUTO_TEST_CASE(another_node_at_the_dialled_address_is_refused) {
  test_node b(cluster, "b");
  start();
  b.config.peers = {{"c", "127.0.0.1", a.transport->port()}};
  b.start();
  BOOST_TEST(b.metrics.wait("refused name", 2));
  BOOST_TEST(b.listener.events().empty());
  BOOST_TEST(a.listener.events().size() == 1u);
  still_healthy();
}

BOOST_AUTO_TEST_CASE(a_greeting_that_is_not_the_certificates_is_refused) {
  start();
  auto files = cluster.certificates("b");
  auto wrong_role = hello_of("b", "gateway");
  auto wrong_cluster = hello_of("b");
  wrong_cluster.cluster = "red";
  size_t refused = 0;
  for (const auto& hello : {hello_of("healthy"), wrong_role, wrong_cluster}) {
    raw_peer peer(a.transport->port());
    BOOST_REQUIRE(peer.handshake(&files));
    BOOST_TEST(!peer.greet(hello).has_value());
    BOOST_TEST(a.metrics.wait("refused name", ++refused));
  }
  still_healthy();
}

BOOST_AUTO_TEST_CASE(a_greeting_under_our_own_name_is_refused_with_the_reason) {
  start();
  raw_peer peer(a.transport->port());
  auto files = cluster.certificates("a");
  BOOST_REQUIRE(peer.handshake(&files));
  auto answer = peer.greet(hello_of("a", "node", 99));
  BOOST_REQUIRE(answer);
  BOOST_TEST((answer->refusal == link_refusal::own_name));
  still_healthy();
}

BOOST_AUTO_TEST_CASE(a_greeting_that_is_none_is_refused) {
  start();
  auto files = cluster.certificates("b");
  {
    raw_peer peer(a.transport->port());
    BOOST_REQUIRE(peer.handshake(&files));
    peer.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    BOOST_TEST(a.metrics.wait("refused hello"));
  }
  {
    raw_peer peer(a.transport->port());
    BOOST_REQUIRE(peer.handshake(&files));
    auto hello = encode_hello(hello_of("b"));
    hello[8] = hello[10] = std::byte{77};  // version
    peer.write(hello);
    BOOST_TEST(a.metrics.wait("refused version"));
  }
  {
    raw_peer peer(a.transport->port());
    BOOST_REQUIRE(peer.handshake(&files));
    auto hello = encode_hello(hello_of("b"));
    peer.write(std::span(hello).first(20));
  }
  BOOST_TEST(a.metrics.wait("refused closed"));
  still_healthy();
}

BOOST_AUTO_TEST_CASE(who_is_silent_before_the_greeting_is_given_up) {
  a.config.handshake_timeout = healthy.config.handshake_timeout = 1s;
  start();
  raw_peer says_nothing(a.transport->port());
  raw_peer says_no_hello(a.transport->port());
  auto files = cluster.certificates("b");
  BOOST_REQUIRE(says_no_hello.handshake(&files));
  BOOST_TEST(a.metrics.wait("refused timeout", 2));
  says_nothing.wait_closed();
  still_healthy();
}

BOOST_AUTO_TEST_CASE(a_crowd_of_silent_connections_keeps_nobody_out) {
  a.config.handshakes_max = 8;
  start();
  std::vector<std::unique_ptr<raw_peer>> crowd;
  for (int i = 0; i < 50; ++i) crowd.push_back(std::make_unique<raw_peer>(a.transport->port()));
  BOOST_TEST(a.metrics.wait("refused displaced", 42));
  test_node b(cluster, "b");
  b.dials(a).start();
  BOOST_TEST(a.listener.wait_up("b"));
  still_healthy();
}

BOOST_AUTO_TEST_CASE(links_beyond_the_limit_are_refused_with_the_reason) {
  a.config.links_max = 1;
  start();
  test_node b(cluster, "b");
  b.dials(a).start();
  BOOST_TEST(b.metrics.wait("refused limit"));
  still_healthy();
}

BOOST_AUTO_TEST_CASE(a_frame_longer_than_allowed_ends_its_link) {
  start();
  auto peer = linked("b");
  peer.write(encode_frame_head({0xFFFFFFFF, frame_type::data}));
  BOOST_TEST(a.listener.wait_down("b"));
  BOOST_TEST(a.metrics.count("down protocol") == 1u);
  still_healthy();
}

BOOST_AUTO_TEST_CASE(more_frames_than_the_window_end_their_link) {
  a.config.window_frames = 4;
  a.listener.hold_credits(true);
  start();
  auto peer = linked("b");
  for (int i = 0; i < 5; ++i) peer.write(encode_frame_head({0, frame_type::data}));
  BOOST_TEST(a.listener.wait_down("b"));
  BOOST_TEST(a.metrics.count("down protocol") == 1u);
  BOOST_TEST(a.listener.frames().size() == 4u);
  a.listener.hold_credits(false);
  still_healthy();
}

BOOST_AUTO_TEST_CASE(credit_that_was_never_used_ends_its_link) {
  start();
  auto peer = linked("b");
  peer.write(encode_credit_frame({1, 1}));
  BOOST_TEST(a.listener.wait_down("b"));
  BOOST_TEST(a.metrics.count("down protocol") == 1u);
  still_healthy();
}

BOOST_AUTO_TEST_CASE(an_unknown_frame_ends_its_link_with_a_goodbye_that_says_why) {
  start();
  auto peer = linked("b");
  peer.write(std::string_view("\0\0\0\0\x63", 5));
  std::array<std::byte, frame_head_bytes> head{};
  std::string goodbye;
  while (goodbye.empty() && peer.read(head)) {  // after a ping
    auto parsed = parse_frame_head(head, 1 << 20);
    BOOST_REQUIRE(parsed);
    std::vector<std::byte> body(parsed->length);
    BOOST_REQUIRE(peer.read(body));
    if (parsed->type == frame_type::goodbye) goodbye = parse_goodbye(body);
  }
  BOOST_TEST(goodbye.find("unknown type 99") != std::string::npos, goodbye);
  still_healthy();
}

BOOST_AUTO_TEST_CASE(a_connection_cut_in_the_middle_of_a_frame_is_noticed_at_once) {
  start();
  {
    auto peer = linked("b");
    peer.write(encode_frame_head({1000, frame_type::data}));
    peer.write("only the beginning");
  }
  BOOST_TEST(a.listener.wait_down("b"));
  BOOST_TEST(a.metrics.count("down closed") == 1u);
  BOOST_TEST(a.listener.frames().empty());
  still_healthy();
}

BOOST_AUTO_TEST_CASE(a_peer_that_freezes_is_declared_dead) {
  a.config.ping_interval = healthy.config.ping_interval = 100ms;
  a.config.pings_missed_max = healthy.config.pings_missed_max = 10;
  start();
  auto frozen = linked("b");
  // Frames for it do not help: they go nowhere, and the queue is bounded.
  while (a.transport->send("b", test::frame_of(std::string(60000, 'x')))) {
  }
  BOOST_TEST(a.listener.wait_down("b"));
  BOOST_TEST(a.metrics.count("down silent") == 1u);
  BOOST_TEST((a.transport->send("b", test::frame_of("x")).err().code == errc::unavailable));
  still_healthy();
}

BOOST_AUTO_TEST_CASE(a_dial_into_a_black_hole_stalls_nothing_else) {
  auto hole = open_listener("127.0.0.1", 0);  // The kernel connects; nobody ever answers.
  BOOST_REQUIRE(hole);
  a.config.peers = {{"hole", "127.0.0.1", *local_port(hole->get())}};
  a.config.handshake_timeout = healthy.config.handshake_timeout = 2s;
  start();
  still_healthy();
  BOOST_TEST(a.metrics.wait("refused timeout", 2));  // and is dialled again
  still_healthy();
}

BOOST_AUTO_TEST_CASE(certificates_that_are_not_this_nodes_are_refused_at_the_start) {
  system_random random;
  auto refused = [&](auto change, std::string_view names, errc code) {
    test_node b(cluster, "b");
    change(b.config);
    asio_transport transport(std::move(b.config), random, null_logger());
    auto started = transport.start(b.listener);
    BOOST_REQUIRE(!started);
    BOOST_TEST((started.err().code == code), started.err().detail);
    BOOST_TEST(started.err().detail.find(names) != std::string::npos, started.err().detail);
  };
  refused([](auto& c) { c.self.node = "c"; }, "b.pem", errc::invalid_argument);
  refused([](auto& c) { c.self.role = "gateway"; }, "b.pem", errc::invalid_argument);
  refused([](auto& c) { c.certificates.key = "nowhere.key"; }, "nowhere.key", errc::io_failed);
  refused([&](auto& c) { c.certificates.key = cluster.certificates("c").key; }, "c.key", errc::corrupt);
  refused([](auto& c) { c.certificates.authority = c.certificates.key; }, "b.key", errc::corrupt);
  refused([](auto& c) { c.certificates.certificate = c.certificates.authority; }, "b.key", errc::corrupt);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace troupe
