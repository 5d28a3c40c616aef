// The real server and API on a free port of 127.0.0.1, before a cluster that the test plays.
#pragma once

#include <boost/test/unit_test.hpp>
#include <chrono>
#include <condition_variable>
#include <map>
#include <mutex>

#include "base/json.hpp"
#include "gateway/api/api.hpp"
#include "gateway/http/http_server.hpp"
#include "tests/conformance/http/raw_client.hpp"
#include "tests/unit/gateway/fake_cluster.hpp"

namespace troupe {

/// Keeps the lines of the access log, and counts what metrics are told.
class recorded_events final : public logger, public gateway_metrics {
 public:
  void write(log_level, std::string_view event, std::initializer_list<log_field> fields) override;

  void connection_opened() override { add("opened"); }
  void connection_closed() override { add("closed"); }
  void connection_refused(std::string_view reason) override { add("refused " + std::string(reason)); }
  void request_finished(route which, int status, duration) override {
    add(std::string(name(which)) + " " + std::to_string(status));
  }
  void first_token(route, duration) override { add("first_token"); }
  void generation_finished(route, const answer_usage&, duration) override { add("generated"); }
  void generation_cancelled(route, std::string_view reason) override { add("cancelled " + std::string(reason)); }

  /// Waits until `what` was seen so many times; fails the test after half a minute.
  void wait_for(const std::string& what, size_t times = 1);
  /// Waits for that at most so long; whether it was seen.
  bool happens_within(std::chrono::milliseconds most, const std::string& what, size_t times = 1);
  size_t count(const std::string& what);
  /// The i-th line of the access log: its fields as text.
  std::map<std::string, std::string> line(size_t i);

 private:
  void add(const std::string& what);

  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::string, size_t> counts_;
  std::vector<std::map<std::string, std::string>> lines_;
};

struct running_server {
  explicit running_server(http_server_config config = {});

  /// A POST with a JSON body.
  static std::string post(std::string_view path, std::string_view body, std::string_view fields = "");
  static std::string get(std::string_view path, std::string_view fields = "");
  static std::string chat(std::string_view members = "");
  static std::string streamed() { return post("/v1/completions", R"({"model":"tiny","prompt":"a","stream":true})"); }
  static std::string whole() { return post("/v1/completions", R"({"model":"tiny","prompt":"a"})"); }

  uint16_t port() const { return server->port(); }
  /// Sends and reads one response on a connection of its own.
  raw_response ask(std::string_view request);
  /// Waits until the drain that was asked for has ended; gives how many were cut.
  size_t wait_until_drained();
  void drain(duration deadline);
  /// Moves the clock on by `step` again and again until `what` happens, for what the test cannot see begin.
  void advance_until(const std::string& what, duration step);

  fake_cluster cluster;
  manual_clock time;
  counting_random random;
  recorded_events events;
  std::unique_ptr<http_handler> api = make_api({}, cluster, time, random, events);
  std::unique_ptr<http_server> server;

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::optional<size_t> drained_;
};

/// error.code of an error object; "null", or what is wrong with it.
std::string error_code_of(const raw_response& response);

}  // namespace troupe
