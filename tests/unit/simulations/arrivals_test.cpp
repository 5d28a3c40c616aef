// Who comes when: published traces, and arrivals that the seed draws.
#include "simulations/workload/arrivals.hpp"

#include <boost/test/unit_test.hpp>

#include "simulations/scenarios/run.hpp"
#include "tests/support/test_data.hpp"
#include "tests/unit/simulations/small_cluster.hpp"

namespace troupe::simulation {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view csv =
    "TIMESTAMP,ContextTokens,GeneratedTokens\n"
    "2026-01-02 23:59:59.9000000,480,10\n"
    "2026-01-03 00:00:01.1500000,120,40\n"
    "2026-01-03 00:00:00.1000000,240,8\n";

request_trace parsed(std::string_view text) {
  const auto trace = parse_request_trace(text);
  BOOST_TEST_REQUIRE(trace.has_value());
  return *trace;
}

BOOST_AUTO_TEST_SUITE(traces)

BOOST_AUTO_TEST_CASE(a_csv_has_its_requests_in_order_from_0) {
  const request_trace trace = parsed(csv);
  BOOST_TEST_REQUIRE(trace.size() == 3U);
  BOOST_TEST((trace[0].at == 0ms && trace[1].at == 200ms && trace[2].at == 1250ms));
  BOOST_TEST(trace[1].prompt == 240U);
  BOOST_TEST(trace[2].tokens == 40U);
}

BOOST_AUTO_TEST_CASE(lines_of_json_say_the_same) {
  const request_trace trace = parsed(
      "{\"timestamp\": 500, \"input_length\": 480, \"output_length\": 10, \"hash_ids\": [1]}\n"
      "{\"timestamp\": 2500, \"input_length\": 7, \"output_length\": 1}\n");
  BOOST_TEST_REQUIRE(trace.size() == 2U);
  BOOST_TEST((trace[0].at == 0ms && trace[1].at == 2s));
  BOOST_TEST(trace[1].prompt == 7U);
}

BOOST_AUTO_TEST_CASE(what_is_none_is_named) {
  for (const std::string_view wrong :
       {"", "TIMESTAMP,ContextTokens,GeneratedTokens\n", "hello\n", "1,2,3\n", "{\"timestamp\": 1}\n",
        "TIMESTAMP,ContextTokens,GeneratedTokens\n2026-02-30 00:00:00,1,1\n",
        "TIMESTAMP,ContextTokens,GeneratedTokens\n2026-02-03 00:00:00,1,-1\n"}) {
    const auto trace = parse_request_trace(wrong);
    BOOST_TEST_REQUIRE(!trace.has_value());
    BOOST_TEST((trace.err().code == errc::invalid_argument));
    BOOST_TEST(trace.err().detail.find("trace") != std::string::npos);
  }
}

BOOST_AUTO_TEST_CASE(published_ones_are_read) {
  const auto data = test::data_folder();
  if (!data) return;
  const auto azure = read_request_trace(*data + "/traces/azure/AzureLLMInferenceTrace_code.csv");
  const auto mooncake = read_request_trace(*data + "/traces/mooncake/synthetic_trace.jsonl");
  BOOST_TEST_REQUIRE((azure.has_value() && mooncake.has_value()));
  BOOST_TEST(azure->size() == 8819U);
  BOOST_TEST(mooncake->size() == 3993U);
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_CASE(a_trace_is_scaled_to_what_fits_and_begins_anew_at_its_end) {
  arrival_habits habits;
  habits.trace = std::make_shared<const request_trace>(parsed(csv));
  arrivals all(1, habits, {48, 20});
  duration sum{};
  uint32_t longest = 0, most = 0;
  for (int i = 0; i < 3; ++i) {
    const arrival next = all.next();
    sum += next.wait;
    longest = std::max(longest, next.size.prompt);
    most = std::max(most, next.size.tokens);
  }
  // From the last to the first it is a second.
  BOOST_TEST((sum == 2250ms));
  BOOST_TEST(longest == 48U);
  BOOST_TEST(most == 20U);
}

BOOST_AUTO_TEST_CASE(a_trace_of_one_moment_lets_time_pass) {
  arrival_habits habits;
  habits.trace = std::make_shared<const request_trace>(request_trace{{0s, 1, 1}});
  arrivals all(1, habits, {48, 20});
  for (int i = 0; i < 3; ++i) BOOST_TEST((all.next().wait == 1s));
}

BOOST_AUTO_TEST_CASE(as_many_come_as_are_said_and_more_in_bursts) {
  const auto come_in = [](double per_second, double burst) {
    arrivals all(3, {.per_second = per_second, .burst = burst}, {});
    uint64_t came = 0;
    for (duration at{}; at < 1000s; at += all.next().wait) ++came;
    return came;
  };
  BOOST_TEST(come_in(4, 1) > 3600U);
  BOOST_TEST(come_in(4, 1) < 4400U);
  // A fifth of the time, ten times as many.
  BOOST_TEST(come_in(4, 10) > 8000U);
}

BOOST_AUTO_TEST_CASE(who_does_not_wait_for_others_is_served_among_them) {
  scenario what;
  what.seed = 1;
  what.cluster = small_cluster();
  what.clients.models = {"m"};
  what.clients_count = 0;
  what.arrivals.per_second = 10;
  const outcome done = run(what);
  BOOST_TEST(done.found.count() == 0U);
  BOOST_TEST(done.counts.complete > 200U);
}

}  // namespace
}  // namespace troupe::simulation
