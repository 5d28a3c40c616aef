#include "gateway/cluster/prometheus_metrics.hpp"

#include <boost/test/unit_test.hpp>
#include <map>
#include <regex>
#include <set>
#include <sstream>

namespace troupe {
namespace {

using samples = std::map<std::string, std::string>;

struct exposed {
  prometheus_metrics metrics;
  actor_metrics& actors = metrics.for_actors();
  gateway_metrics& gateway = metrics.for_gateway();

  // Each is in the text, once: "name{labels}" with its value as it is written.
  void shows(const samples& expected) const {
    samples found;
    std::istringstream text(metrics.text());
    for (std::string line; std::getline(text, line);) {
      if (line.empty() || line[0] == '#') continue;
      size_t space = line.rfind(' ');
      BOOST_TEST(found.emplace(line.substr(0, space), line.substr(space + 1)).second);
    }
    for (const auto& [name, value] : expected) BOOST_TEST(found[name] == value, name << " is " << found[name]);
  }
};

BOOST_FIXTURE_TEST_CASE(requests_and_tokens_are_counted_where_they_end, exposed) {
  actors.request_started();
  actors.request_started();
  actors.request_ended("ok", 5, 7);
  actors.next_token(std::chrono::milliseconds(2));
  shows({{"troupe_requests_running", "1"},
         {"troupe_requests_total{outcome=\"ok\"}", "1"},
         {"troupe_prompt_tokens_total", "5"},
         {"troupe_completion_tokens_total", "7"},
         {"troupe_time_per_output_token_seconds_bucket{le=\"0.0025\"}", "1"},
         {"troupe_time_per_output_token_seconds_bucket{le=\"0.001\"}", "0"}});
}

BOOST_FIXTURE_TEST_CASE(requests_of_http_are_counted_by_route_and_status, exposed) {
  gateway.connection_opened();
  gateway.connection_refused("address");
  gateway.request_finished(route::chat_completions, 200, std::chrono::milliseconds(30));
  gateway.request_finished(route::unknown, 404, std::chrono::milliseconds(1));
  gateway.first_token(route::chat_completions, std::chrono::milliseconds(20));
  gateway.generation_cancelled(route::completions, "slow_client");
  shows({{"troupe_http_connections", "1"},
         {"troupe_http_connections_refused_total{limit=\"address\"}", "1"},
         {"troupe_http_requests_total{route=\"chat_completions\",status=\"200\"}", "1"},
         {"troupe_http_requests_total{route=\"unknown\",status=\"404\"}", "1"},
         {"troupe_http_request_seconds_count{route=\"chat_completions\"}", "1"},
         {"troupe_time_to_first_token_seconds_sum{route=\"chat_completions\"}", "0.02"},
         {"troupe_http_cancelled_total{reason=\"slow_client\"}", "1"}});
}

BOOST_FIXTURE_TEST_CASE(a_groups_failures_are_shown_before_the_first, exposed) {
  actors.group_is_ready("m/0", true);
  shows({{"troupe_group_ready{group=\"m/0\"}", "1"},
         {"troupe_group_failures_total{group=\"m/0\",outcome=\"restarted\"}", "0"},
         {"troupe_group_failures_total{group=\"m/0\",outcome=\"gave_up\"}", "0"}});
  actors.group_failed("m/0", "restarted", std::chrono::milliseconds(40));
  actors.group_is_ready("m/0", false);
  actors.stream_resumed(std::chrono::milliseconds(80));
  actors.group_recovered("m/0", std::chrono::milliseconds(700));
  shows({{"troupe_group_ready{group=\"m/0\"}", "0"},
         {"troupe_group_failures_total{group=\"m/0\",outcome=\"restarted\"}", "1"},
         {"troupe_failover_detect_seconds_sum", "0.04"},
         {"troupe_failover_resume_seconds_count", "1"},
         {"troupe_group_recovery_seconds_sum{group=\"m/0\"}", "0.7"}});
}

BOOST_FIXTURE_TEST_CASE(a_groups_load_is_its_last_report, exposed) {
  group_load load;
  load.running = 3;
  load.waiting = 2;
  load.kv_pages_used = 10;
  load.kv_pages_total = 64;
  load.step_us_p50 = 1500;
  load.kv_pages_cached = 20;
  load.prefix_tokens_queried = 500;
  load.prefix_tokens_hit = 300;
  load.prefix_pages_evicted = 6;
  load.drafted_tokens = 50;
  load.accepted_tokens = 30;
  load.queue_us_p99 = 2500;
  load.busy_us = 4'500'000;
  load.model_us = 4'250'000;
  actors.load_reported("m/1", load);
  load.running = 4;
  actors.load_reported("m/1", load);
  shows({{"troupe_group_sequences_running{group=\"m/1\"}", "4"},
         {"troupe_group_sequences_waiting{group=\"m/1\"}", "2"},
         {"troupe_group_kv_pages_used{group=\"m/1\"}", "10"},
         {"troupe_group_kv_pages{group=\"m/1\"}", "64"},
         {"troupe_group_step_seconds{group=\"m/1\",quantile=\"0.5\"}", "0.0015"},
         {"troupe_group_kv_pages_cached{group=\"m/1\"}", "20"},
         {"troupe_group_prefix_cache_queried_tokens{group=\"m/1\"}", "500"},
         {"troupe_group_prefix_cache_hit_tokens{group=\"m/1\"}", "300"},
         {"troupe_group_prefix_cache_evicted_pages{group=\"m/1\"}", "6"},
         {"troupe_group_drafted_tokens{group=\"m/1\"}", "50"},
         {"troupe_group_accepted_tokens{group=\"m/1\"}", "30"},
         {"troupe_group_busy_seconds{group=\"m/1\"}", "4.5"},
         {"troupe_group_model_seconds{group=\"m/1\"}", "4.25"},
         {"troupe_group_queue_seconds{group=\"m/1\",quantile=\"0.99\"}", "0.0025"}});
}

BOOST_FIXTURE_TEST_CASE(each_family_has_its_help_and_type_once, exposed) {
  actors.load_reported("m/0", {});
  std::string text = metrics.text();
  const std::regex head("(^|\n)# (HELP|TYPE) (troupe_[a-z_]+) ");
  std::map<std::string, std::multiset<std::string>> said;
  for (std::sregex_iterator at(text.begin(), text.end(), head), end; at != end; ++at) said[(*at)[2]].insert((*at)[3]);
  BOOST_TEST(!said["HELP"].empty());
  BOOST_TEST(said["HELP"] == said["TYPE"], boost::test_tools::per_element());
  std::set<std::string> once(said["TYPE"].begin(), said["TYPE"].end());
  BOOST_TEST(once.size() == said["TYPE"].size());
}

}  // namespace
}  // namespace troupe
