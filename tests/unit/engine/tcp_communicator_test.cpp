// What only the communicator over TCP promises; the rest is in communicator_test.cpp. Here a rank may be a test that
// speaks the wire by hand, and not as it should.
#include "shards/engine/tcp_communicator.hpp"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include <boost/test/unit_test.hpp>
#include <thread>

#include "tests/unit/engine/group_place.hpp"
#include "tests/unit/engine/jumping_clock.hpp"

namespace troupe {
namespace {

using test::group_place;
using test::jumping_clock;
using test::listen_here;
using test::listener;
using test::transport;

constexpr duration patient = std::chrono::minutes(1);
const system_clock real_time;

using byte_string = std::vector<std::byte>;

byte_string operator+(byte_string a, std::span<const std::byte> b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}
byte_string bytes_of(std::string_view text) {
  const auto bytes = std::as_bytes(std::span(text));
  return {bytes.begin(), bytes.end()};
}

tcp::hello hello_of(const tcp_communicator_config& config, tcp::channel which) {
  return {.channel = which,
          .rank = config.rank,
          .wanted = 0,
          .group = {config.generation, config.floats_max, config.size, config.secret}};
}

/// One connection to rank 0, in the hand of a test.
class raw_connection {
 public:
  explicit raw_connection(const group_place& place) {
    const auto address = tcp::resolve(place.tcp_config(0).addresses[0]);
    auto connecting = tcp::begin_connect(*address);
    BOOST_REQUIRE(connecting.has_value());
    fd_ = std::move(connecting).value();
    BOOST_REQUIRE(tcp::wait_for_event(fd_.get(), POLLOUT, patient));
    BOOST_REQUIRE(tcp::connect_error(fd_.get()) == 0);
  }
  void send(std::span<const std::byte> bytes) { BOOST_REQUIRE(tcp::send_some(fd_.get(), bytes).bytes == bytes.size()); }
  byte_string receive(size_t size) {
    byte_string bytes(size);
    for (size_t at = 0; at < size;) {
      BOOST_REQUIRE(tcp::wait_for_event(fd_.get(), POLLIN, patient));
      const auto came = tcp::receive_some(fd_.get(), std::span(bytes).subspan(at));
      BOOST_REQUIRE(!came.ended);
      at += came.bytes;
    }
    return bytes;
  }
  /// Until the other end closes.
  void receive_rest() {
    std::array<std::byte, 256> unread;
    while (!tcp::receive_some(fd_.get(), unread).ended) BOOST_REQUIRE(tcp::wait_for_event(fd_.get(), POLLIN, patient));
  }
  void close() { fd_.reset(); }
  /// The other end learns that everything is lost (RST), not that nothing more comes.
  void reset() {
    const linger none{.l_onoff = 1, .l_linger = 0};
    BOOST_REQUIRE(setsockopt(fd_.get(), SOL_SOCKET, SO_LINGER, &none, sizeof(none)) == 0);
    fd_.reset();
  }

 private:
  unique_fd fd_;
};

/// Rank 1 of two, in the hand of a test: it has met rank 0, but for the barrier.
struct raw_rank {
  explicit raw_rank(const group_place& place) : control(place), data(place) {
    control.send(tcp::encode(hello_of(place.tcp_config(1), tcp::channel::control)));
    control.receive(tcp::answer_bytes);
    data.send(tcp::encode(hello_of(place.tcp_config(1), tcp::channel::data)));
    data.receive(tcp::answer_bytes);
  }
  raw_connection control, data;
};

byte_string frame(const tcp::frame_head& head, std::span<const std::byte> payload = {}) {
  const auto block = tcp::encode(head);
  return byte_string(block.begin(), block.end()) + payload;
}
const tcp::frame_head first_barrier{.kind = tcp::frame_kind::barrier};

/// What rank 0 of two comes to when rank 1 is `body`: it meets, adds four floats, waits for a broadcast's barrier.
error outcome_against(const std::function<void(raw_rank&)>& body, const clock& time = real_time) {
  const group_place place(transport::tcp, 2, 64);
  result<void> outcome;
  std::jthread leader([&] {
    outcome = [&]() -> result<void> {
      TROUPE_ASSIGN(const auto group, place.join(0, time));
      group->set_deadline(patient);
      TROUPE_TRY(group->input(4));
      TROUPE_TRY(group->all_reduce_tree(4));
      TROUPE_TRY(group->barrier());
      return error{errc::internal, "all went well"};
    }();
  });
  {
    raw_rank peer(place);
    body(peer);
  }
  leader.join();
  return outcome.err();
}

/// All that rank 1 says to outcome_against().
byte_string whole_conversation() {
  const std::array<float, 4> values{1, 2, 3, 4};
  return frame(first_barrier) +
         frame({.kind = tcp::frame_kind::all_reduce, .number = 1, .size = 4, .payload_bytes = 16},
               std::as_bytes(std::span(values))) +
         frame({.kind = tcp::frame_kind::barrier, .number = 2});
}

BOOST_AUTO_TEST_CASE(a_peer_that_closes_anywhere_in_its_frames_has_died) {
  const byte_string all = whole_conversation();
  for (size_t cut = 0; cut < all.size(); cut += cut % 32 == 1 ? 30 : 1) {
    const error outcome = outcome_against([&](raw_rank& peer) { peer.data.send(std::span(all).first(cut)); });
    BOOST_TEST((outcome.code == errc::unavailable), "cut at " << cut);
    BOOST_TEST(outcome.detail == "rank 1 died", "cut at " << cut << ": " << outcome.detail);
  }
  const error outcome = outcome_against([&](raw_rank& peer) {
    peer.data.send(all);
    peer.data.receive(all.size());
  });
  BOOST_TEST(outcome.detail == "all went well");
}

BOOST_AUTO_TEST_CASE(a_peer_that_closes_one_of_its_connections_has_died) {
  const auto stay_until_told = [](raw_connection& connection) {
    // Rank 0 tells the others why it ends.
    const auto told = tcp::parse_frame(std::span<const std::byte, tcp::frame_head_bytes>(
                                           connection.receive(tcp::frame_head_bytes).data(), tcp::frame_head_bytes),
                                       tcp::channel::control, 0);
    BOOST_TEST((told && told->kind == tcp::frame_kind::abort));
  };
  const error data = outcome_against([&](raw_rank& peer) {
    peer.data.send(frame(first_barrier));
    peer.data.receive(tcp::frame_head_bytes);
    peer.data.close();
    stay_until_told(peer.control);
  });
  BOOST_TEST(data.detail == "rank 1 died");
  const error control = outcome_against([&](raw_rank& peer) {
    peer.data.send(frame(first_barrier));
    peer.control.close();
    // Its own end, after rank 0 has gone.
    peer.data.receive(tcp::frame_head_bytes + tcp::frame_head_bytes + 16);
  });
  BOOST_TEST(control.detail == "rank 1 died");
}

BOOST_AUTO_TEST_CASE(a_peer_whose_connections_are_reset_has_died) {
  const error outcome = outcome_against([](raw_rank& peer) {
    peer.data.send(frame(first_barrier));
    peer.data.receive(tcp::frame_head_bytes);
    peer.control.reset();
    peer.data.reset();
  });
  BOOST_TEST((outcome.code == errc::unavailable));
  BOOST_TEST(outcome.detail == "rank 1 died");
}

/// What rank 0 of two comes to whose broadcast fills the sockets while rank 1, which is `body`, does not read. Rank 0
/// is in the middle of it when `body` is called.
error outcome_of_full_sockets(const std::function<void(raw_rank&)>& body, const clock& time = real_time) {
  const group_place place(transport::tcp, 2, 64);
  result<void> outcome;
  std::jthread leader([&] {
    outcome = [&]() -> result<void> {
      TROUPE_ASSIGN(const auto group, place.join(0, time, std::chrono::hours(1000)));
      group->set_deadline(patient);
      std::vector<std::byte> bytes(broadcast_bytes_max);
      return group->broadcast(bytes, patience::deadline);
    }();
  });
  {
    raw_rank peer(place);
    peer.data.send(frame(first_barrier));
    peer.data.receive(2 * tcp::frame_head_bytes);
    body(peer);
    leader.join();
  }
  BOOST_REQUIRE(!outcome);
  return outcome.err();
}

BOOST_AUTO_TEST_CASE(a_rank_that_cannot_send_hears_of_an_abort_a_death_and_the_deadline) {
  const std::string why = "the disk is full";
  const error aborted = outcome_of_full_sockets([&](raw_rank& peer) {
    peer.control.send(frame({.kind = tcp::frame_kind::abort, .payload_bytes = why.size()}, bytes_of(why)));
  });
  BOOST_TEST(aborted.detail == "the disk is full (said rank 1)");
  const error died = outcome_of_full_sockets([](raw_rank& peer) {
    peer.control.close();
    peer.data.close();
  });
  BOOST_TEST(died.detail == "rank 1 died");
  const jumping_clock fast;
  const error late = outcome_of_full_sockets([](raw_rank&) {}, fast);
  BOOST_TEST((late.code == errc::deadline_exceeded));
  BOOST_TEST(late.detail.starts_with("rank 1 is late: rank 0 waited for it for 6"), late.detail);
}

BOOST_AUTO_TEST_CASE(connections_are_of_this_process_alone_and_notice_a_silent_host) {
  const listener here = listen_here();
  const auto connecting = tcp::begin_connect(tcp::resolve(here.address).value());
  BOOST_REQUIRE(connecting.has_value());
  BOOST_REQUIRE(tcp::wait_for_event(here.socket.get(), POLLIN, patient));
  const auto accepted = tcp::accept_one(here.socket.get());
  BOOST_REQUIRE(accepted.has_value());
  for (const int fd : {connecting->get(), accepted->get()}) {
    BOOST_TEST((fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
    BOOST_TEST((fcntl(fd, F_GETFL) & O_NONBLOCK) != 0);
    const auto option = [&](int level, int name) {
      int value = 0;
      socklen_t length = sizeof(value);
      BOOST_REQUIRE(getsockopt(fd, level, name, &value, &length) == 0);
      return value;
    };
    BOOST_TEST(option(IPPROTO_TCP, TCP_NODELAY) == 1);
    BOOST_TEST(option(SOL_SOCKET, SO_KEEPALIVE) == 1);
    BOOST_TEST(option(IPPROTO_TCP, TCP_KEEPIDLE) +
                   option(IPPROTO_TCP, TCP_KEEPINTVL) * option(IPPROTO_TCP, TCP_KEEPCNT) ==
               15);
    BOOST_TEST(option(IPPROTO_TCP, TCP_USER_TIMEOUT) == 15000);
  }
}

BOOST_AUTO_TEST_CASE(a_peer_that_sends_no_frames_is_refused_by_name) {
  const auto refused = [](const byte_string& bytes, const std::string& detail) {
    const error outcome = outcome_against([&](raw_rank& peer) {
      peer.data.send(bytes);
      peer.control.receive(tcp::frame_head_bytes);
    });
    BOOST_TEST((outcome.code == errc::corrupt));
    BOOST_TEST(outcome.detail == detail);
  };
  refused(bytes_of("HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n"), "rank 1: what came is no frame");
  refused(frame({.kind = tcp::frame_kind::abort}), "rank 1: what came is no frame");
  refused(frame({.kind = tcp::frame_kind::barrier, .number = 7}),
          "rank 1 sent frame 7 of 0 bytes where frame 0 of 0 bytes was due");
  refused(
      frame(first_barrier) + frame({.kind = tcp::frame_kind::all_reduce, .number = 1, .size = 4, .payload_bytes = 15}),
      "rank 1 sent frame 1 of 15 bytes where frame 1 of 16 bytes was due");
  refused(frame(first_barrier) +
              frame({.kind = tcp::frame_kind::all_reduce, .number = 1, .size = UINT64_MAX, .payload_bytes = 16}),
          "rank 1: what came is no frame");
  const error outcome = outcome_against([&](raw_rank& peer) {
    peer.control.send(bytes_of("what the control channel does not understand"));
    peer.control.receive(tcp::frame_head_bytes);
  });
  BOOST_TEST((outcome.code == errc::corrupt));
  BOOST_TEST(outcome.detail == "rank 1: what came is no frame");
}

BOOST_AUTO_TEST_CASE(an_abort_is_heard_although_half_a_frame_lies_in_the_data_channel) {
  const std::string why = "the disk is full";
  const error outcome = outcome_against([&](raw_rank& peer) {
    const byte_string barrier = frame(first_barrier);
    peer.data.send(std::span(barrier).first(9));
    peer.control.send(frame({.kind = tcp::frame_kind::abort, .payload_bytes = why.size()}, bytes_of(why)));
    peer.data.receive_rest();
  });
  BOOST_TEST((outcome.code == errc::aborted));
  BOOST_TEST(outcome.detail == "the disk is full (said rank 1)");
}

BOOST_AUTO_TEST_CASE(an_abort_reaches_the_others_while_the_compute_thread_is_elsewhere) {
  const group_place place(transport::tcp, 2, 64);
  std::atomic<bool> met{false};
  std::atomic<bool> stay{true};
  std::thread other([&] {
    const auto group = place.join(1, real_time);
    met.wait(false);
    // A watchdog sees that this thread is busy for too long.
    if (group) std::thread([&] { (*group)->abort("a step takes too long"); }).join();
    stay.wait(true);
  });
  const auto group = place.join(0, real_time);
  met = true;
  met.notify_one();
  if (group) (*group)->set_deadline(patient);
  const auto outcome = group ? (*group)->barrier() : result<void>(group.err());
  stay = false;
  stay.notify_one();
  other.join();
  BOOST_REQUIRE(!outcome);
  BOOST_TEST(outcome.err().detail == "a step takes too long (said rank 1)");
}

BOOST_AUTO_TEST_CASE(the_first_of_two_reasons_stays) {
  const group_place place(transport::tcp, 2, 64);
  auto group = tcp_communicator::open(place.tcp_config(0), real_time);
  BOOST_REQUIRE(group.has_value());
  (*group)->abort("the first");
  (*group)->abort("the second");
  const auto met = (*group)->meet(patient);
  BOOST_REQUIRE(!met);
  BOOST_TEST((met.err().code == errc::aborted));
  BOOST_TEST(met.err().detail == "the first (said rank 0)");
  BOOST_TEST((*group)->barrier().err().detail == "the first (said rank 0)");
}

BOOST_AUTO_TEST_CASE(strangers_at_the_door_are_refused_by_name_and_the_group_meets_all_the_same) {
  const group_place place(transport::tcp, 2, 64);
  result<void> outcome = error{errc::internal, "never run"};
  std::jthread leader([&] {
    const auto group = place.join(0, real_time);
    outcome = group ? (*group)->barrier() : result<void>(group.err());
  });
  raw_connection silent(place);
  raw_connection half(place);
  const auto hello = tcp::encode(hello_of(place.tcp_config(1), tcp::channel::data));
  half.send(std::span(hello).first(40));
  const auto answer_to = [&](std::span<const std::byte> bytes) {
    raw_connection connection(place);
    connection.send(bytes);
    const byte_string block = connection.receive(tcp::answer_bytes);
    const auto answer = tcp::parse_answer(std::span<const std::byte, tcp::answer_bytes>(block.data(), block.size()));
    BOOST_REQUIRE(answer.has_value());
    BOOST_TEST(!answer->welcome);
    const byte_string text = connection.receive(answer->text_bytes);
    return std::string(reinterpret_cast<const char*>(text.data()), text.size());
  };
  BOOST_TEST(answer_to(bytes_of("GET / HTTP/1.1\r\nHost: a-long-name-of-some-host.example.org:12345\r\n\r\n")) ==
             "what came is no greeting of a rank");
  auto later = hello;
  later[8] = std::byte{9};
  BOOST_TEST(answer_to(later) == "it speaks version 9 of the collectives, not 1");

  const auto refusal = [&](auto change) {
    tcp_communicator_config config = place.tcp_config(1);
    change(config);
    const auto stranger = tcp_communicator::open(config, real_time);
    BOOST_REQUIRE(stranger.has_value());
    const auto met = (*stranger)->meet(patient);
    BOOST_REQUIRE(!met);
    BOOST_TEST((met.err().code == errc::conflict));
    return met.err().detail;
  };
  const auto ends_with = [](const std::string& text, const std::string& end) {
    BOOST_TEST(text.ends_with(end), text);
    BOOST_TEST(text.starts_with("rank 0 at 127.0.0.1:"), text);
  };
  ends_with(refusal([](auto& config) { config.generation = 4; }),
            " refuses rank 1: rank 1 is of generation 4 (2 ranks, 64 floats) but rank 0 is of generation 3 (2 ranks, "
            "64 floats)");
  ends_with(refusal([](auto& config) { config.floats_max = 32; }), "(2 ranks, 64 floats)");
  ends_with(refusal([](auto& config) {
              config.size = 4;
              config.addresses.resize(4, config.addresses[0]);
            }),
            "(2 ranks, 64 floats)");
  ends_with(refusal([](auto& config) { config.secret = {}; }), "it does not know this group's secret");

  const auto group = place.join(1, real_time);
  BOOST_REQUIRE_MESSAGE(group.has_value(), (group ? "" : group.err().detail));
  (*group)->set_deadline(patient);
  BOOST_TEST((*group)->barrier().has_value());
  leader.join();
  BOOST_TEST(outcome.has_value());
}

BOOST_AUTO_TEST_CASE(who_comes_twice_is_refused) {
  const group_place place(transport::tcp, 4, 64);
  std::string outcome;
  std::jthread leader([&] {
    const auto group = place.join(0, real_time);
    if (!group) outcome = group.err().detail;
  });
  {
    raw_connection first(place);
    first.send(tcp::encode(hello_of(place.tcp_config(1), tcp::channel::control)));
    first.receive(tcp::answer_bytes);
    const auto second = place.join(1, real_time);
    BOOST_REQUIRE(!second);
    BOOST_TEST(second.err().detail.ends_with("refuses rank 1: rank 1 has joined this group before"));
    const std::string why = "the test has ended";
    first.send(frame({.kind = tcp::frame_kind::abort, .payload_bytes = why.size()}, bytes_of(why)));
  }
  leader.join();
  BOOST_TEST(outcome == "the test has ended (said rank 1)");
}

BOOST_AUTO_TEST_CASE(what_is_no_rank_at_a_ranks_address_is_named) {
  const group_place place(transport::tcp, 2, 64);
  const auto join = [&] {
    const auto joined = place.join(1, real_time);
    BOOST_REQUIRE(!joined);
    return joined.err();
  };
  const auto serve = [&](byte_string answer) {
    tcp::wait_for_event(place.tcp_config(0).listening_fd, POLLIN, patient);
    auto connection = tcp::accept_one(place.tcp_config(0).listening_fd).value();
    tcp::send_some(connection.get(), answer);
    tcp::close_gently(std::move(connection));
  };
  std::jthread server([&] { serve(bytes_of("SSH-2.0-OpenSSH_9.2 and a word or two more")); });
  const error other = join();
  server.join();
  BOOST_TEST((other.code == errc::corrupt));
  BOOST_TEST(other.detail.starts_with("rank 0 at 127.0.0.1:"), other.detail);
  BOOST_TEST(other.detail.ends_with(": what came is no greeting of a rank"), other.detail);
}

BOOST_AUTO_TEST_CASE(a_rank_that_cannot_be_reached_in_time_is_named_with_the_reason) {
  tcp_communicator_config config = group_place(transport::tcp, 2, 64).tcp_config(1);  // nobody listens there any more
  const jumping_clock fast;
  const auto group = tcp_communicator::open(config, fast);
  BOOST_REQUIRE(group.has_value());
  const auto met = (*group)->meet(std::chrono::seconds(10));
  BOOST_REQUIRE(!met);
  BOOST_TEST((met.err().code == errc::deadline_exceeded));
  BOOST_TEST(met.err().detail.starts_with("rank 0 has not joined the group in time (127.0.0.1:"), met.err().detail);
  BOOST_TEST(met.err().detail.ends_with("Connection refused)"), met.err().detail);
}

BOOST_AUTO_TEST_CASE(settings_that_make_no_group_are_refused) {
  const group_place place(transport::tcp, 2, 64);
  const auto refusal = [&](auto change) {
    tcp_communicator_config config = place.tcp_config(1);
    change(config);
    const auto opened = tcp_communicator::open(config, real_time);
    BOOST_REQUIRE(!opened);
    return opened.err();
  };
  BOOST_TEST(refusal([](auto& config) { config.size = 3; }).detail == "a group has 1, 2, 4 or 8 ranks, not 3");
  BOOST_TEST(refusal([](auto& config) { config.rank = 2; }).detail == "rank 2 is not below the group's size, 2");
  BOOST_TEST(refusal([](auto& config) { config.addresses.pop_back(); }).detail == "1 addresses for a group of 2 ranks");
  BOOST_TEST(refusal([](auto& config) {
               config.addresses[0].host = "a.name";
             }).detail.ends_with(" is not the address and port of a rank"));
  BOOST_TEST((refusal([](auto& config) { config.floats_max = SIZE_MAX; }).code == errc::out_of_memory));
  BOOST_TEST((refusal([](auto& config) {
                config.rank = 0;
                config.listening_fd = -1;
              }).code == errc::io_failed));
}

}  // namespace
}  // namespace troupe
