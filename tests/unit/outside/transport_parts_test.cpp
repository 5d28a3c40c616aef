// The pure parts of the transport.
#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <string>

#include "actors/outside/transport/asio_transport.hpp"
#include "actors/outside/transport/credit_account.hpp"
#include "actors/outside/transport/dial_schedule.hpp"
#include "actors/outside/transport/frame_reader.hpp"
#include "actors/outside/transport/link_choice.hpp"
#include "actors/outside/transport/link_wire.hpp"
#include "actors/outside/transport/outbox.hpp"

namespace troupe {
namespace {

link_hello some_hello() {
  return {.incarnation = 0x0123456789ABCDEF,
          .window_frames = 10,
          .window_bytes = 1000,
          .frame_bytes_max = 500,
          .refusal = link_refusal::none,
          .node = "g0r1",
          .role = "rank",
          .cluster = "blue"};
}

result<link_hello> parse(const std::vector<std::byte>& bytes) {
  std::span<const std::byte> all(bytes);
  TROUPE_ASSIGN(auto length, parse_hello_head(all.first<hello_head_bytes>()));
  BOOST_TEST(length == bytes.size() - hello_head_bytes);
  return parse_hello_body(all.first<hello_head_bytes>(), all.subspan(hello_head_bytes));
}

frame_bytes frame_of(size_t size, char fill = 'x') {
  return std::make_shared<const std::vector<std::byte>>(size, static_cast<std::byte>(fill));
}

struct recorder final : frame_reader::handler {
  std::vector<size_t> frames;
  std::vector<link_credit> credits;
  std::string goodbye;
  void on_data(frame_bytes frame) override { frames.push_back(frame->size()); }
  void on_credit(link_credit credit) override { credits.push_back(credit); }
  void on_goodbye(std::string why) override { goodbye = std::move(why); }
};

/// All that an outbox gives, in fills of `piece`.
std::vector<std::byte> drain(outbox& from, size_t piece = 64) {
  std::vector<std::byte> all;
  while (from.sendable()) {
    std::vector<std::byte> part;
    from.fill(part, piece);
    BOOST_REQUIRE(!part.empty());
    all.insert(all.end(), part.begin(), part.end());
  }
  return all;
}

constexpr outbox_limits some_limits{.frames_max = 4, .bytes_max = 1000, .frame_bytes_max = 500, .window = {3, 800}};

BOOST_AUTO_TEST_SUITE(transport_parts)

BOOST_AUTO_TEST_CASE(a_hello_survives_the_wire) {
  auto parsed = parse(encode_hello(some_hello()));
  BOOST_REQUIRE(parsed);
  BOOST_TEST((*parsed == some_hello()));
}

BOOST_AUTO_TEST_CASE(a_hello_is_these_bytes) {
  // Two versions of troupe must agree on them: a change here is a new version.
  auto bytes = encode_hello({.incarnation = 2,
                             .window_frames = 3,
                             .window_bytes = 4,
                             .frame_bytes_max = 4,
                             .refusal = link_refusal::limit,
                             .node = "n",
                             .role = "r",
                             .cluster = "c"});
  const std::string expected("TROUPE\r\n\1\0\1\0\x1B\0\2\0\0\0\0\0\0\0\3\0\0\0\4\0\0\0\4\0\0\0\5\1n\1r\1c", 41);
  BOOST_TEST(std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size()) == expected);
}

BOOST_AUTO_TEST_CASE(a_hello_cut_anywhere_is_refused) {
  auto bytes = encode_hello(some_hello());
  std::span<const std::byte> all(bytes);
  for (size_t length = hello_head_bytes; length < bytes.size(); ++length) {
    auto body = all.subspan(hello_head_bytes, length - hello_head_bytes);
    BOOST_TEST(!parse_hello_body(all.first<hello_head_bytes>(), body).has_value());
  }
}

BOOST_AUTO_TEST_CASE(a_later_version_may_say_more_and_this_one_may_not) {
  auto bytes = encode_hello(some_hello());
  bytes.push_back(std::byte{1});
  bytes[12] = static_cast<std::byte>(std::to_integer<int>(bytes[12]) + 1);
  BOOST_TEST(!parse(bytes).has_value());
  bytes[8] = std::byte{2};
  BOOST_TEST(parse(bytes).has_value());
  bytes[10] = std::byte{2};  // and speaks nothing older
  BOOST_TEST((parse(bytes).err().code == errc::not_supported));
}

BOOST_AUTO_TEST_CASE(a_window_that_holds_no_frame_is_refused) {
  auto hello = some_hello();
  hello.window_bytes = hello.frame_bytes_max - 1;
  BOOST_TEST(!parse(encode_hello(hello)).has_value());
  hello = some_hello();
  hello.window_frames = 0;
  BOOST_TEST(!parse(encode_hello(hello)).has_value());
}

BOOST_AUTO_TEST_CASE(a_goodbye_is_short_and_whole_characters) {
  std::string text(255, 'a');
  text += "\xC3\xA9 and more";
  auto frame = encode_goodbye_frame(text);
  BOOST_TEST(frame.size() == frame_head_bytes + 255);
  auto repaired = encode_goodbye_frame(std::string(256, '\xFF'));
  BOOST_TEST(repaired.size() <= frame_head_bytes + goodbye_bytes_max);
}

BOOST_AUTO_TEST_CASE(a_reader_gives_each_frame_however_the_bytes_are_cut) {
  outbox from({.frames_max = 10, .bytes_max = 1000, .frame_bytes_max = 500, .window = {10, 1000}});
  for (size_t size : {5, 0, 100}) BOOST_REQUIRE(from.push(frame_of(size)));
  from.push_credit({2, 30});
  from.push_ping();
  auto bytes = drain(from);
  for (size_t piece = 1; piece <= bytes.size(); ++piece) {
    frame_reader reader(500, {10, 1000});
    recorder got;
    for (size_t at = 0; at < bytes.size(); at += piece) {
      BOOST_REQUIRE(reader.feed(std::span(bytes).subspan(at, std::min(piece, bytes.size() - at)), got));
    }
    BOOST_TEST((got.frames == std::vector<size_t>{5, 0, 100}));
    BOOST_TEST((got.credits == std::vector<link_credit>{{2, 30}}));
  }
}

BOOST_AUTO_TEST_CASE(a_reader_refuses_what_was_not_allowed_before_it_stores_it) {
  recorder got;
  auto refused = [&](frame_head head, link_credit window, size_t frame_bytes_max) {
    frame_reader reader(frame_bytes_max, window);
    return !reader.feed(encode_frame_head(head), got);
  };
  BOOST_TEST(refused({101, frame_type::data}, {1, 1000}, 100));
  BOOST_TEST(refused({0xFFFFFFFF, frame_type::data}, {1, 1000}, 100));
  BOOST_TEST(refused({100, frame_type::data}, {1, 99}, 100));
  BOOST_TEST(refused({0, frame_type::data}, {0, 100}, 100));
  BOOST_TEST(refused({1, frame_type::ping}, {1, 100}, 100));
  BOOST_TEST(refused({7, frame_type::credit}, {1, 100}, 100));
  BOOST_TEST(refused({257, frame_type::goodbye}, {1, 1000}, 1000));
  BOOST_TEST(refused({0, static_cast<frame_type>(0)}, {1, 100}, 100));
  BOOST_TEST(refused({0, static_cast<frame_type>(5)}, {1, 100}, 100));
  BOOST_TEST(!refused({100, frame_type::data}, {1, 100}, 100));
}

BOOST_AUTO_TEST_CASE(returned_credit_lets_the_peer_go_on) {
  frame_reader reader(100, {1, 100});
  recorder got;
  auto head = encode_frame_head({0, frame_type::data});
  BOOST_REQUIRE(reader.feed(head, got));
  reader.allow({1, 0});
  BOOST_REQUIRE(reader.feed(head, got));
  BOOST_TEST(!reader.feed(head, got).has_value());
}

BOOST_AUTO_TEST_CASE(an_outbox_refuses_beyond_its_bounds_and_stays_as_it_was) {
  outbox box(some_limits);
  BOOST_TEST((box.push(frame_of(501)).err().code == errc::payload_too_large));
  BOOST_REQUIRE(box.push(frame_of(500)));
  BOOST_REQUIRE(box.push(frame_of(400)));
  BOOST_TEST((box.push(frame_of(101)).err().code == errc::overloaded));  // bytes
  BOOST_REQUIRE(box.push(frame_of(50)));
  BOOST_REQUIRE(box.push(frame_of(0)));
  BOOST_TEST((box.push(frame_of(0)).err().code == errc::overloaded));  // frames
  drain(box);                                                          // 500 alone: 400 more are above the window
  BOOST_REQUIRE(box.add_credit({1, 500}));
  drain(box);
  BOOST_TEST(box.push(frame_of(500)).has_value());
}

BOOST_AUTO_TEST_CASE(an_outbox_sends_as_far_as_credit_goes_and_its_own_frames_without_any) {
  outbox box(some_limits);
  for (int i = 0; i < 4; ++i) BOOST_REQUIRE(box.push(frame_of(200)));
  auto sent = drain(box);
  BOOST_TEST(sent.size() == 3 * (frame_head_bytes + 200));
  box.push_ping();
  BOOST_TEST(drain(box).size() == frame_head_bytes);
  BOOST_REQUIRE(box.add_credit({3, 600}));
  BOOST_TEST(drain(box).size() == frame_head_bytes + 200);
}

BOOST_AUTO_TEST_CASE(credit_beyond_the_window_is_a_breach) {
  outbox box(some_limits);
  BOOST_TEST(!box.add_credit({1, 0}).has_value());
  BOOST_TEST(!box.add_credit({0, 1}).has_value());
  BOOST_REQUIRE(box.push(frame_of(10)));
  drain(box);
  BOOST_TEST(!box.add_credit({1, 11}).has_value());
  BOOST_TEST(!box.add_credit({0xFFFFFFFF, 0xFFFFFFFF}).has_value());
  BOOST_TEST(box.add_credit({1, 10}).has_value());
}

BOOST_AUTO_TEST_CASE(a_goodbye_comes_after_the_frame_that_is_half_sent) {
  for (bool keep : {false, true}) {
    outbox box(some_limits);
    for (int i = 0; i < 3; ++i) BOOST_REQUIRE(box.push(frame_of(100)));
    std::vector<std::byte> sent;
    box.fill(sent, 20);
    box.push_goodbye("enough", keep ? outbox::rest::send : outbox::rest::drop);
    BOOST_TEST((box.push(frame_of(1)).err().code == errc::unavailable));
    BOOST_TEST(!box.ended());
    auto rest = drain(box);
    BOOST_TEST(box.ended());
    sent.insert(sent.end(), rest.begin(), rest.end());
    frame_reader reader(500, {10, 1000});
    recorder got;
    BOOST_REQUIRE(reader.feed(sent, got));
    BOOST_TEST(got.frames.size() == (keep ? 3u : 1u));
    BOOST_TEST(got.goodbye == "enough");
  }
}

BOOST_AUTO_TEST_CASE(a_goodbye_does_not_wait_for_credit) {
  outbox box({.frames_max = 4, .bytes_max = 1000, .frame_bytes_max = 500, .window = {1, 500}});
  for (int i = 0; i < 3; ++i) BOOST_REQUIRE(box.push(frame_of(100)));
  box.push_goodbye("enough", outbox::rest::send);
  drain(box);
  BOOST_TEST(box.ended());
}

BOOST_AUTO_TEST_CASE(finished_frames_wake_the_link_once_until_it_looks) {
  int soon = 0, now = 0;
  auto account = std::make_shared<credit_account>(link_credit{8, 1000}, [&](credit_account::urgency when) {
    ++(when == credit_account::urgency::now ? now : soon);
  });
  auto first = account->credit_for(10), second = account->credit_for(20);
  first.reset();
  BOOST_TEST(soon == 1);
  second.reset();  // a quarter of the window
  BOOST_TEST(now == 1);
  account->credit_for(5).reset();
  BOOST_TEST(soon + now == 2);
  BOOST_TEST((account->take() == link_credit{3, 35}));
  auto late = account->credit_for(5);
  account->close();
  late.reset();
  BOOST_TEST(soon + now == 2);
  BOOST_TEST((account->take() == link_credit{0, 0}));
}

BOOST_AUTO_TEST_CASE(of_two_connections_both_ends_keep_the_same) {
  using enum link_refusal;
  BOOST_TEST((choose_link("a", "a", {}, {1, true}) == own_name));
  BOOST_TEST((choose_link("a", "b", {}, {1, true}) == none));
  BOOST_TEST((choose_link("a", "b", link_facts{1, false}, {2, false}) == none));
  BOOST_TEST((choose_link("a", "b", link_facts{2, false}, {1, false}) == older));
  BOOST_TEST((choose_link("a", "b", link_facts{1, false}, {1, false}) == none));
  // a's dial stays, seen from a and from b, whichever came first.
  BOOST_TEST((choose_link("a", "b", link_facts{1, true}, {1, false}) == duplicate));
  BOOST_TEST((choose_link("a", "b", link_facts{1, false}, {1, true}) == none));
  BOOST_TEST((choose_link("b", "a", link_facts{1, false}, {1, true}) == duplicate));
  BOOST_TEST((choose_link("b", "a", link_facts{1, true}, {1, false}) == none));
}

BOOST_AUTO_TEST_CASE(dialling_slows_down_and_hurries_again) {
  using std::chrono::milliseconds;
  dial_schedule schedule(milliseconds(50), milliseconds(300));
  for (int most : {50, 100, 200, 300, 300}) {
    auto wait = schedule.wait(0x9E3779B97F4A7C15);
    BOOST_TEST(wait.count() >= most / 2);
    BOOST_TEST(wait.count() <= most);
  }
  schedule.reset();
  BOOST_TEST(schedule.wait(~uint64_t{0}).count() <= 50);
}

BOOST_AUTO_TEST_CASE(a_later_start_has_a_higher_incarnation) {
  struct fixed_clock final : clock {
    std::chrono::milliseconds at{1};
    instant now() const override { return {}; }
    std::chrono::sys_time<std::chrono::milliseconds> wall_now() const override {
      return std::chrono::sys_time<std::chrono::milliseconds>(at);
    }
  } time;
  struct high_then_low final : random_source {
    uint64_t value = ~uint64_t{0};
    uint64_t next() override { return std::exchange(value, 0); }
  } random;
  auto first = make_incarnation(time, random);
  time.at += std::chrono::milliseconds(1);
  BOOST_TEST(make_incarnation(time, random) > first);
}

BOOST_AUTO_TEST_CASE(a_configuration_that_breaks_a_rule_names_it) {
  auto good = [] {
    asio_transport_config config;
    config.cluster = "blue";
    config.self = {"a", 1, "gateway"};
    config.roles = {"rank"};
    config.peers = {{"b", "127.0.0.1", 1}};
    return config;
  };
  BOOST_TEST(validate(good()).has_value());
  auto breaks = [&](auto change, std::string_view names) {
    auto config = good();
    change(config);
    auto valid = validate(config);
    BOOST_REQUIRE_MESSAGE(!valid.has_value(), names);
    BOOST_TEST(valid.err().detail.find(names) != std::string::npos, valid.err().detail);
  };
  breaks([](auto& c) { c.self.node = "../a"; }, "node");
  breaks([](auto& c) { c.cluster = ""; }, "cluster");
  breaks([](auto& c) { c.roles.clear(); }, "role");
  breaks([](auto& c) { c.window_bytes = c.frame_bytes_max - 1; }, "window_bytes");
  breaks([](auto& c) { c.window_bytes = size_t{1} << 33; }, "window_bytes");
  breaks([](auto& c) { c.queue_bytes_max = 1; }, "queue_bytes_max");
  breaks([](auto& c) { c.ping_interval = {}; }, "ping_interval");
  breaks([](auto& c) { c.dial_delay_max = {}; }, "dial_delay_min");
  breaks([](auto& c) { c.peers[0].node = "a"; }, "itself");
  breaks([](auto& c) { c.peers.push_back(c.peers[0]); }, "twice");
  breaks([](auto& c) { c.peers[0].port = 0; }, "port");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace troupe
