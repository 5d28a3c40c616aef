// Links between nodes that mean well: exchange, order, bounds, loss and return.
#include <unistd.h>

#include <atomic>
#include <boost/test/unit_test.hpp>
#include <thread>

#include "actors/outside/descriptors/listening_socket.hpp"
#include "tests/unit/outside/transport_fixture.hpp"

namespace troupe {
namespace {

using namespace std::chrono_literals;
using test::frame_of;
using test::test_cluster;
using test::test_node;
using event = test::recording_listener::event;

/// b dials a, and both are up.
struct two_nodes {
  test_cluster& cluster = test::blue_cluster();
  test_node a{cluster, "a"};
  test_node b{cluster, "b"};

  void link() {
    a.start();
    b.dials(a).start();
    BOOST_REQUIRE(a.listener.wait_up("b"));
    BOOST_REQUIRE(b.listener.wait_up("a"));
  }
};

std::vector<std::string> numbered(size_t count) {
  std::vector<std::string> texts;
  for (size_t i = 0; i < count; ++i) texts.push_back(std::to_string(i));
  return texts;
}

BOOST_AUTO_TEST_SUITE(transport)

BOOST_FIXTURE_TEST_CASE(frames_arrive_whole_and_in_order_both_ways, two_nodes) {
  link();
  for (const auto& text : numbered(1000)) {
    BOOST_REQUIRE(a.send(b, text));
    BOOST_REQUIRE(b.send(a, text));
  }
  BOOST_REQUIRE(a.listener.wait_frames(1000));
  BOOST_REQUIRE(b.listener.wait_frames(1000));
  BOOST_TEST((a.listener.frames() == numbered(1000)));
  BOOST_TEST((b.listener.frames() == numbered(1000)));
}

BOOST_FIXTURE_TEST_CASE(a_peer_is_known_by_name_role_and_incarnation, two_nodes) {
  b.config.self.incarnation = 42;
  link();
  BOOST_TEST((a.listener.events().front().peer == peer_identity{"b", 42, "node"}));
}

BOOST_FIXTURE_TEST_CASE(frames_of_every_size_up_to_the_longest_arrive, two_nodes) {
  const size_t longest = a.config.frame_bytes_max;
  link();
  const std::vector<size_t> sizes{0, 1, 16379, 16384, 65531, 65536, 1 << 20, longest};
  for (size_t size : sizes) BOOST_REQUIRE(a.send(b, std::string(size, static_cast<char>('a' + size % 26))));
  BOOST_TEST((a.send(b, std::string(longest + 1, 'x')).err().code == errc::payload_too_large));
  BOOST_REQUIRE(b.listener.wait_frames(sizes.size()));
  auto got = b.listener.frames();
  for (size_t i = 0; i < sizes.size(); ++i) {
    BOOST_TEST((got[i] == std::string(sizes[i], static_cast<char>('a' + sizes[i] % 26))), "size " << sizes[i]);
  }
}

BOOST_FIXTURE_TEST_CASE(the_smaller_of_two_longest_frames_counts, two_nodes) {
  a.config.frame_bytes_max = 1000;
  link();
  BOOST_TEST((a.send(b, std::string(1001, 'x')).err().code == errc::payload_too_large));
  BOOST_TEST((b.send(a, std::string(1001, 'x')).err().code == errc::payload_too_large));
  BOOST_REQUIRE(b.send(a, std::string(1000, 'x')));
  BOOST_TEST(a.listener.wait_frames(1));
}

BOOST_FIXTURE_TEST_CASE(many_threads_may_send_and_each_ones_order_is_kept, two_nodes) {
  link();
  constexpr int threads = 4, each = 500;
  std::vector<std::thread> senders;
  for (int t = 0; t < threads; ++t) {
    senders.emplace_back([&, t] {
      for (int i = 0; i < each; ++i) {
        while (!a.send(b, std::to_string(t) + " " + std::to_string(i))) std::this_thread::yield();
      }
    });
  }
  for (auto& sender : senders) sender.join();
  BOOST_REQUIRE(b.listener.wait_frames(threads * each));
  std::array<int, threads> next{};
  for (const auto& text : b.listener.frames()) {
    auto t = static_cast<size_t>(text[0] - '0');
    BOOST_TEST(text.substr(2) == std::to_string(next[t]++));
  }
}

BOOST_FIXTURE_TEST_CASE(a_listener_may_answer_from_its_callback, two_nodes) {
  // Far more than a window: every answer needs credit that comes back while others are under way.
  a.config.window_frames = b.config.window_frames = 8;
  std::atomic<int> left = 2000, lost = 0;
  auto answer_from = [&](test_node& node) {
    return [&](const peer_identity& peer, const frame_bytes& frame) {
      if (--left > 0 && !node.transport->send(peer.node, frame)) ++lost;
    };
  };
  a.listener.on_each = answer_from(a);
  b.listener.on_each = answer_from(b);
  link();
  for (int i = 0; i < 20; ++i) BOOST_REQUIRE(b.send(a, "ball " + std::to_string(i)));
  BOOST_TEST(b.listener.wait([&](const std::vector<event>&) { return left <= 0; }));
  a.stop();
  b.stop();
  BOOST_TEST(lost == 0);
}

BOOST_FIXTURE_TEST_CASE(without_a_link_a_frame_is_unavailable, two_nodes) {
  a.start();
  BOOST_TEST((a.send(b, "x").err().code == errc::unavailable));
  a.transport->disconnect("b", "nobody there");
}

BOOST_FIXTURE_TEST_CASE(a_receiver_that_keeps_its_frames_gives_the_sender_overloaded_and_no_more, two_nodes) {
  b.config.window_frames = 16;
  a.config.queue_frames_max = 32;
  b.listener.hold_credits(true);
  link();
  size_t taken = 0;
  // The writer takes frames off the queue in its own time, so more than the queue may be taken, but never more than
  // both.
  auto fill = [&] {
    for (;;) {
      auto sent = a.send(b, std::to_string(taken));
      if (!sent) return sent.err().code;
      ++taken;
      BOOST_REQUIRE(taken <= 16 + 32);
    }
  };
  while (taken < 16 + 32) BOOST_REQUIRE((fill() == errc::overloaded));
  BOOST_REQUIRE(b.listener.wait_frames(16));
  BOOST_TEST((a.send(b, "x").err().code == errc::overloaded));
  BOOST_TEST(b.listener.frames().size() == 16u);

  b.listener.hold_credits(false);
  b.listener.release();
  BOOST_REQUIRE(b.listener.wait_frames(16 + 32));
  BOOST_TEST((b.listener.frames() == numbered(16 + 32)));
  BOOST_TEST(a.send(b, "x").has_value());
}

BOOST_FIXTURE_TEST_CASE(bytes_bound_a_queue_as_frames_do, two_nodes) {
  for (auto* node : {&a, &b}) {
    node->config.frame_bytes_max = node->config.window_bytes = 100'000;
    node->config.queue_bytes_max = 250'000;
  }
  b.listener.hold_credits(true);
  link();
  // One in the window, two in the queue; a fourth never fits.
  BOOST_REQUIRE(a.send(b, std::string(100'000, '1')));
  BOOST_REQUIRE(b.listener.wait_frames(1));
  BOOST_REQUIRE(a.send(b, std::string(100'000, '2')));
  BOOST_REQUIRE(a.send(b, std::string(100'000, '3')));
  BOOST_TEST((a.send(b, std::string(100'000, '4')).err().code == errc::overloaded));
  b.listener.hold_credits(false);
  b.listener.release();
  // A frame as long as the window needs all of it back.
  BOOST_TEST(b.listener.wait_frames(3));
}

BOOST_FIXTURE_TEST_CASE(a_full_link_does_not_slow_another, two_nodes) {
  test_node c(cluster, "c");
  b.config.window_frames = 1;
  a.config.queue_frames_max = 4;
  b.listener.hold_credits(true);
  link();
  c.dials(a).start();
  BOOST_REQUIRE(a.listener.wait_up("c"));
  while (a.send(b, "stuck")) {
  }
  for (const auto& text : numbered(100)) {
    while (!a.send(c, text)) std::this_thread::yield();
  }
  BOOST_TEST(c.listener.wait_frames(100));
}

BOOST_FIXTURE_TEST_CASE(both_ends_are_told_of_a_disconnect_and_the_dialler_comes_back, two_nodes) {
  link();
  a.transport->disconnect("b", "for a test");
  BOOST_REQUIRE(a.listener.wait_down("b"));
  BOOST_REQUIRE(b.listener.wait_down("a"));
  auto events = b.listener.events();
  BOOST_TEST(events[1].text.find("for a test") != std::string::npos, events[1].text);
  auto up_again = [](const std::vector<event>& all) { return all.size() >= 3 && all[2].what == event::kind::up; };
  BOOST_TEST(a.listener.wait(up_again));
  BOOST_TEST(b.listener.wait(up_again));
  BOOST_TEST(a.metrics.count("down disconnected") == 1u);
  BOOST_TEST(b.metrics.count("down goodbye") == 1u);
}

BOOST_AUTO_TEST_CASE(a_node_that_returns_on_the_same_port_is_dialled_again) {
  test_cluster& cluster = test::blue_cluster();
  auto socket = open_listener("127.0.0.1", 0);
  BOOST_REQUIRE(socket);
  auto start_a = [&](uint64_t incarnation) {
    auto a = std::make_unique<test_node>(cluster, "a", incarnation);
    a->config.listen.reset();
    a->config.listen_fd = unique_fd(::dup(socket->get()));
    a->start();
    return a;
  };
  auto a = start_a(1);
  test_node b(cluster, "b");
  b.dials(*a).start();
  BOOST_REQUIRE(b.listener.wait_up("a", 1));
  for (uint64_t incarnation = 2; incarnation <= 4; ++incarnation) {
    a.reset();
    a = start_a(incarnation);
    BOOST_REQUIRE(b.listener.wait_up("a", incarnation));
    BOOST_REQUIRE(a->listener.wait_up("b"));
    BOOST_REQUIRE(b.send(*a, "hello"));
    BOOST_REQUIRE(a->listener.wait_frames(1));
  }
  // Never two ups without a down between them.
  bool up = false;
  for (const auto& e : b.listener.events()) {
    BOOST_TEST((e.what == event::kind::up) != up);
    up = e.what == event::kind::up;
  }
}

BOOST_FIXTURE_TEST_CASE(a_later_incarnation_takes_the_place_of_an_earlier_one, two_nodes) {
  link();
  test_node later(cluster, "b", 2);
  later.dials(a).start();
  BOOST_REQUIRE(a.listener.wait_up("b", 2));
  BOOST_REQUIRE(later.listener.wait_up("a"));
  auto events = a.listener.events();
  BOOST_TEST((events[1].what == event::kind::down && events[1].peer.incarnation == 1));
  BOOST_TEST((events[2].what == event::kind::up && events[2].peer.incarnation == 2));

  // The earlier one lives, and keeps dialling: it is refused, and harms nobody.
  BOOST_REQUIRE(b.metrics.wait("refused older", 3));
  BOOST_REQUIRE(later.send(a, "from the later one"));
  BOOST_REQUIRE(a.listener.wait_frames(1));
  BOOST_REQUIRE(a.send(b, "to b"));
  BOOST_REQUIRE(later.listener.wait_frames(1));
  BOOST_TEST(b.listener.frames().empty());
  BOOST_TEST(later.listener.events().size() == 2u);
  // When the later one has gone, the earlier one may have the link: who is fenced is not the transport's to know.
  later.stop();
  BOOST_TEST(a.listener.wait([](const std::vector<event>& all) {
    return all.back().what == event::kind::up && all.back().peer.incarnation == 1;
  }));
}

BOOST_AUTO_TEST_CASE(two_nodes_that_dial_each_other_end_up_with_one_link) {
  test_cluster& cluster = test::blue_cluster();
  for (int round = 0; round < 10; ++round) {
    auto socket_a = open_listener("127.0.0.1", 0), socket_b = open_listener("127.0.0.1", 0);
    BOOST_REQUIRE(socket_a);
    BOOST_REQUIRE(socket_b);
    test_node a(cluster, "a"), b(cluster, "b");
    a.config.peers = {{"b", "127.0.0.1", *local_port(socket_b->get())}};
    b.config.peers = {{"a", "127.0.0.1", *local_port(socket_a->get())}};
    a.config.listen_fd = std::move(*socket_a);
    b.config.listen_fd = std::move(*socket_b);
    a.start();
    b.start();
    // A frame may be lost while the connections are sorted out, so each end says it until the other has heard it.
    std::atomic<bool> heard_by_a = false, heard_by_b = false;
    auto hear = [](std::atomic<bool>& heard) {
      return [&heard](const std::vector<event>& all) {
        for (const auto& e : all) heard = heard || e.what == event::kind::frame;
        return heard.load();
      };
    };
    std::thread say([&] {
      while (!heard_by_a || !heard_by_b) {
        (void)a.send(b, "hello");
        (void)b.send(a, "hello");
        std::this_thread::yield();
      }
    });
    BOOST_TEST(a.listener.wait(hear(heard_by_a)));
    BOOST_TEST(b.listener.wait(hear(heard_by_b)));
    heard_by_a = heard_by_b = true;
    say.join();
  }
}

BOOST_FIXTURE_TEST_CASE(a_peer_may_be_dialled_by_name, two_nodes) {
  a.start();
  b.config.peers = {{"a", "localhost", a.transport->port()}};
  b.start();
  BOOST_TEST(b.listener.wait_up("a"));
}

BOOST_FIXTURE_TEST_CASE(what_was_queued_is_sent_before_a_stop, two_nodes) {
  link();
  for (const auto& text : numbered(500)) BOOST_REQUIRE(b.send(a, text));
  b.stop();
  BOOST_REQUIRE(a.listener.wait_down("b"));
  BOOST_TEST((a.listener.frames() == numbered(500)));
  BOOST_TEST((b.send(a, "x").err().code == errc::unavailable));
  BOOST_TEST(b.listener.events().back().text.find("stopping") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_stop_in_the_middle_of_everything_ends) {
  test_cluster& cluster = test::blue_cluster();
  for (int round = 0; round < 5; ++round) {
    test_node a(cluster, "a"), b(cluster, "b"), c(cluster, "c");
    a.start();
    b.dials(a).start();
    c.dials(a).dials(b).start();
    BOOST_REQUIRE(a.listener.wait_up("b"));
    BOOST_REQUIRE(c.listener.wait_up("b"));
    std::atomic<bool> go_on = true;
    std::vector<std::thread> senders;
    for (auto* from : {&a, &b, &c}) {
      senders.emplace_back([&, from] {
        while (go_on) {
          for (auto* to : {&a, &b, &c}) (void)from->send(*to, std::string(3000, 'x'));
        }
      });
    }
    BOOST_REQUIRE(b.listener.wait_frames(100));
    b.stop();
    c.transport->disconnect("a", "in the middle");
    a.stop();
    c.stop();
    go_on = false;
    for (auto& sender : senders) sender.join();
    for (auto* node : {&a, &b, &c}) {
      int up = 0;
      for (const auto& e : node->listener.events()) {
        if (e.what == event::kind::up) ++up;
        if (e.what == event::kind::down) --up;
      }
      BOOST_TEST(up == 0);
    }
  }
}

BOOST_AUTO_TEST_CASE(a_frame_may_outlive_its_transport) {
  test_cluster& cluster = test::blue_cluster();
  test_node a(cluster, "a"), b(cluster, "b");
  b.listener.hold_credits(true);
  a.start();
  b.dials(a).start();
  BOOST_REQUIRE(a.listener.wait_up("b"));
  BOOST_REQUIRE(a.send(b, "kept"));
  BOOST_REQUIRE(b.listener.wait_frames(1));
  b.transport.reset();
  b.listener.release();
}

BOOST_FIXTURE_TEST_CASE(a_port_in_use_is_an_error_that_names_it, two_nodes) {
  a.start();
  b.config.listen = transport_address{"127.0.0.1", a.transport->port()};
  test::recording_listener listener;
  system_random random;
  asio_transport second(std::move(b.config), random, null_logger());
  auto started = second.start(listener);
  BOOST_REQUIRE(!started);
  BOOST_TEST(started.err().detail.find("address is in use") != std::string::npos, started.err().detail);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace troupe
