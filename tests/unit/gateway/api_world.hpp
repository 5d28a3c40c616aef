// The gateway's routes without a socket: what a client asks and gets.
#pragma once

#include <boost/test/unit_test.hpp>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/json.hpp"
#include "gateway/api/api.hpp"
#include "tests/unit/gateway/fake_cluster.hpp"

namespace troupe {

/// An exchange that keeps what it is told; `room` is how many more events it takes.
class recorded_exchange final : public http_exchange {
 public:
  void started(std::unique_ptr<running_request> given) override { work = std::move(given); }
  void respond(http_response with) override {
    BOOST_TEST(!response.has_value());
    response = std::move(with);
  }
  bool write_events(std::string_view more) override {
    if (room == 0) return false;
    --room;
    events += more;
    return true;
  }
  void end_events(std::string_view last, const answer_usage& used, std::optional<error> why) override {
    BOOST_TEST(!ended);
    events += last;
    ended = true;
    usage = used;
    failure = std::move(why);
  }

  std::unique_ptr<running_request> work;
  std::optional<http_response> response;
  std::string events;
  bool ended = false;
  size_t room = 1000;
  answer_usage usage;
  std::optional<error> failure;
};

struct counted_metrics final : gateway_metrics {
  void connection_opened() override {}
  void connection_closed() override {}
  void connection_refused(std::string_view) override {}
  void request_finished(route, int, duration) override {}
  void first_token(route, duration since) override { firsts.push_back(since); }
  void generation_finished(route, const answer_usage& usage, duration generating) override {
    finished.emplace_back(usage.completion_tokens, generating);
  }
  void generation_cancelled(route, std::string_view) override {}

  std::vector<duration> firsts;
  std::vector<std::pair<uint32_t, duration>> finished;
};

/// The routes, a cluster that the test plays, and a client that keeps what it gets.
struct api_world {
  manual_clock time;
  counting_random random;
  counted_metrics metrics;
  fake_cluster cluster;
  api_config config;
  std::unique_ptr<http_handler> api = make_api(config, cluster, time, random, metrics);
  std::vector<std::shared_ptr<recorded_exchange>> exchanges;

  /// As a server does with those that are open when it ends.
  ~api_world() {
    for (const auto& exchange : exchanges) exchange->work.reset();
  }

  std::shared_ptr<recorded_exchange> ask(std::string method, std::string path, std::string body = "",
                                         size_t room = 1000, std::string key = "", std::string last_event = "") {
    auto exchange = std::make_shared<recorded_exchange>();
    exchange->room = room;
    exchanges.push_back(exchange);
    api->handle({.request_id = "r",
                 .method = std::move(method),
                 .path = std::move(path),
                 .content_type = "application/json",
                 .idempotency_key = std::move(key),
                 .last_event_id = std::move(last_event),
                 .body = std::move(body),
                 .arrived = time.now()},
                exchange);
    return exchange;
  }
  static boost::json::value body_of(const recorded_exchange& exchange) {
    BOOST_REQUIRE(exchange.response.has_value());
    auto parsed = parse_json(exchange.response->body);
    BOOST_REQUIRE(parsed.has_value());
    return *parsed;
  }
};

}  // namespace troupe
