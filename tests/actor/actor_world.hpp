// One node's actors in virtual time: CAF's deterministic scheduler, a clock that a test moves, a transport that keeps
// what was sent. Messages are the only way in and out.
#pragma once

#include <caf/scheduler/test_coordinator.hpp>
#include <deque>
#include <map>

#include "actors/runtime/environment.hpp"
#include "actors/runtime/runtime.hpp"
#include "schemas/envelope_codec.hpp"

namespace troupe {

class moved_clock final : public clock {
 public:
  instant now() const override { return now_; }
  std::chrono::sys_time<std::chrono::milliseconds> wall_now() const override { return {}; }
  void move(duration d) { now_ += d; }

 private:
  instant now_{std::chrono::hours(1)};
};

class counted_random final : public random_source {
 public:
  uint64_t next() override { return ++count_; }

 private:
  uint64_t count_ = 0;
};

struct sent_envelope {
  node_name to;
  envelope it;
};

class kept_transport final : public transport {
 public:
  result<void> send(const node_name& to, frame_bytes frame) override {
    if (full.contains(to)) return {errc::overloaded, "full"};
    if (frame->size() > frame_bytes_max) return {errc::payload_too_large, "too large"};
    sent.push_back({to, *decode(*frame)});
    return {};
  }
  void disconnect(const node_name& node, std::string_view) override { disconnected.push_back(node); }

  std::deque<sent_envelope> sent;
  std::vector<node_name> disconnected;
  std::set<node_name> full;
  size_t frame_bytes_max = 8 << 20;
};

class counting_metrics final : public actor_metrics {
 public:
  void frame_refused(std::string_view reason) override { ++refused[std::string(reason)]; }
  std::map<std::string, int> refused;
};

/// What nobody expects.
class kept_errors final : public logger {
 public:
  void write(log_level level, std::string_view event, std::initializer_list<log_field>) override {
    if (level == log_level::error) events.emplace_back(event);
  }
  std::vector<std::string> events;
};

class test_actor_config : registered_messages, public caf::actor_system_config {
 public:
  test_actor_config() {
    set("caf.scheduler.policy", "testing");
    set("caf.logger.console.verbosity", "quiet");
  }
};

struct actor_world {
  cluster_config config;
  moved_clock time;
  counted_random random;
  counting_metrics metrics;
  kept_errors errors;
  kept_transport wire;
  post_office post;
  environment env;
  test_actor_config actors;
  caf::actor_system system;

  explicit actor_world(std::string role = "gateway")
      : post({"self", 1, std::move(role)}, "test", time, errors, metrics),
        env{config, time, random, errors, post, metrics},
        system(actors) {
    config.name = "test";
    post.use(wire);
  }
  ~actor_world() {
    post.end_all();
    run();
  }
  actor_world(const actor_world&) = delete;
  actor_world& operator=(const actor_world&) = delete;

  caf::scheduler::test_coordinator& scheduler() {
    return dynamic_cast<caf::scheduler::test_coordinator&>(system.scheduler());
  }
  /// Runs until nobody has a message.
  void run() { scheduler().run(); }
  /// Lets time pass in small pieces: timers fire in order.
  void pass(duration d) {
    for (duration gone{}; gone < d; gone += std::chrono::milliseconds(10)) {
      time.move(std::chrono::milliseconds(10));
      scheduler().advance_time(std::chrono::milliseconds(10));
      run();
    }
  }
  /// An envelope from another node.
  void receive(const peer_identity& from, envelope_head head, envelope_body body) {
    head.cluster = cluster_key("test");
    auto bytes = std::make_shared<const std::vector<std::byte>>(encode({head, std::move(body)}));
    post.on_frame(from, std::move(bytes), nullptr);
    run();
  }
  /// The first kept envelope of that body, taken out; fails the test where there is none.
  template <class Body>
  std::optional<std::pair<sent_envelope, Body>> take() {
    for (auto at = wire.sent.begin(); at != wire.sent.end(); ++at) {
      if (const auto* body = std::get_if<Body>(&at->it.body)) {
        std::pair found{*at, *body};
        wire.sent.erase(at);
        return found;
      }
    }
    return std::nullopt;
  }
};

}  // namespace troupe
