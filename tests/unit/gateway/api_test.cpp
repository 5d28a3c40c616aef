#include "gateway/api/api.hpp"

#include <boost/test/unit_test.hpp>

#include "base/json.hpp"
#include "gateway/api/media_type.hpp"
#include "tests/unit/gateway/api_world.hpp"

namespace troupe {
namespace {

const std::string completion = R"({"model":"tiny","prompt":"a"})";
const std::string streamed = R"({"model":"tiny","prompt":"a","stream":true})";

size_t count(std::string_view text, std::string_view what) {
  size_t n = 0;
  for (size_t at = text.find(what); at != std::string_view::npos; at = text.find(what, at + 1)) ++n;
  return n;
}

BOOST_FIXTURE_TEST_SUITE(api, api_world)

BOOST_AUTO_TEST_CASE(models_are_listed_with_their_aliases) {
  auto list = body_of(*ask("GET", "/v1/models"));
  BOOST_TEST(list.at("object").get_string() == "list");
  BOOST_TEST(list.at("data").get_array().size() == 3u);
  BOOST_TEST(list.at("data").at(1).at("id").get_string() == "default");
  auto one = body_of(*ask("GET", "/v1/models/tiny"));
  BOOST_TEST(one.at("id").get_string() == "tiny");
  BOOST_TEST(one.at("object").get_string() == "model");
  BOOST_TEST(one.at("created").as_int64() == 1690000000);
  auto none = ask("GET", "/v1/models/a/b");
  BOOST_TEST(none->response->status == 404);
  auto why = body_of(*none).at("error");
  BOOST_TEST(why.at("code").get_string() == "model_not_found");
  BOOST_TEST(why.at("param").get_string() == "model");
  BOOST_TEST(why.at("message").get_string() == "the model \"a/b\" does not exist");
}

BOOST_AUTO_TEST_CASE(readiness_is_told_with_its_reason) {
  BOOST_TEST(ask("GET", "/live")->response->status == 200);
  BOOST_TEST(ask("GET", "/ready")->response->status == 200);
  BOOST_TEST(body_of(*ask("GET", "/health")).at("status").get_string() == "ready");
  cluster.state = {.ready = false, .draining = false, .detail = "tiny has no group"};
  auto ready = ask("GET", "/ready");
  BOOST_TEST(ready->response->status == 503);
  BOOST_TEST(body_of(*ready).at("error").at("message").get_string() == "tiny has no group");
  auto health = ask("GET", "/health");
  BOOST_TEST(health->response->status == 503);
  BOOST_TEST(body_of(*health).at("detail").get_string() == "tiny has no group");
  cluster.state = {.ready = true, .draining = true, .detail = "going"};
  BOOST_TEST(body_of(*ask("GET", "/ready")).at("error").at("code").get_string() == "draining");
  BOOST_TEST(ask("GET", "/live")->response->status == 200);
}

BOOST_AUTO_TEST_CASE(metrics_are_the_clusters_text) {
  auto metrics_page = ask("GET", "/metrics");
  BOOST_TEST(metrics_page->response->body.find("troupe_test 1") != std::string::npos);
  BOOST_TEST(metrics_page->response->content_type.find("version=0.0.4") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(unknown_routes_methods_and_media_types_are_refused_from_the_head) {
  BOOST_TEST(ask("GET", "/v1/model")->response->status == 404);
  BOOST_TEST(ask("GET", "/")->response->status == 404);
  auto wrong = ask("POST", "/v1/models");
  BOOST_TEST(wrong->response->status == 405);
  BOOST_TEST(wrong->response->allow == "GET, HEAD");
  BOOST_TEST(ask("GET", "/v1/chat/completions")->response->allow == "POST");
  auto refused = api->refuse({.request_id = "",
                              .method = "POST",
                              .path = "/v1/completions",
                              .content_type = "text/plain",
                              .body = {},
                              .arrived = {}});
  BOOST_REQUIRE(refused.has_value());
  BOOST_TEST(refused->status == 415);
}

BOOST_AUTO_TEST_CASE(only_json_is_json) {
  for (auto type : {"application/json", "Application/JSON ; charset=UTF-8", "application/json;a=b;charset=\"utf-8\""}) {
    BOOST_TEST(is_json_media_type(type));
  }
  for (auto type :
       {"", "text/json", "application/jsonp", "application/json;charset=latin1", "application/x-www-form-urlencoded"}) {
    BOOST_TEST(!is_json_media_type(type));
  }
}

BOOST_AUTO_TEST_CASE(an_answer_is_collected) {
  auto exchange = ask("POST", "/v1/completions", completion);
  auto stream = cluster.stream(0);
  BOOST_TEST(!exchange->response.has_value());
  time.advance(std::chrono::milliseconds(40));
  BOOST_TEST(stream->say("x"));
  time.advance(std::chrono::milliseconds(60));
  BOOST_TEST(stream->say("y"));
  stream->finish(2);
  auto body = body_of(*exchange);
  BOOST_TEST(exchange->response->status == 200);
  BOOST_TEST(body.at("choices").at(0).at("text").get_string() == "xy");
  BOOST_TEST(body.at("created").as_int64() == 1700000001);
  BOOST_TEST(std::string(body.at("id").get_string()).substr(0, 5) == "cmpl-");
  BOOST_TEST(body.at("usage").at("total_tokens").as_int64() == 3);
  BOOST_TEST(exchange->response->usage.completion_tokens == 2u);
  BOOST_TEST((metrics.firsts == std::vector<duration>{std::chrono::milliseconds(40)}));
  BOOST_TEST((metrics.finished.at(0).second == std::chrono::milliseconds(60)));
}

BOOST_AUTO_TEST_CASE(an_answer_that_comes_at_once_is_an_answer) {
  cluster.script = [](fake_stream& stream) {
    stream.say("now");
    stream.finish();
  };
  auto exchange = ask("POST", "/v1/completions", completion);
  BOOST_TEST(body_of(*exchange).at("choices").at(0).at("text").get_string() == "now");
}

BOOST_AUTO_TEST_CASE(prompts_are_answered_side_by_side) {
  auto exchange = ask("POST", "/v1/completions", R"({"model":"tiny","prompt":["a","b"],"n":2})");
  auto first = cluster.stream(0);
  auto second = cluster.stream(1);
  second->say("b0", 0);
  first->say("a1", 1);
  second->say("b1", 1);
  first->say("a0", 0);
  first->finish(4);
  BOOST_TEST(!exchange->response.has_value());
  second->finish(5);
  auto body = body_of(*exchange);
  std::string texts;
  for (const auto& choice : body.at("choices").get_array()) texts += std::string(choice.at("text").get_string()) + " ";
  BOOST_TEST(texts == "a0 a1 b0 b1 ");
  BOOST_TEST(body.at("usage").at("completion_tokens").as_int64() == 9);
  BOOST_TEST(body.at("usage").at("prompt_tokens").as_int64() == 2);
}

BOOST_AUTO_TEST_CASE(one_prompts_error_is_the_requests_error) {
  auto exchange = ask("POST", "/v1/completions", R"({"model":"tiny","prompt":["a","b"]})");
  cluster.stream(0)->sink->on_error({errc::overloaded, "full"});
  BOOST_TEST(exchange->response->status == 503);
  cluster.stream(1)->say("too late");
  cluster.stream(1)->finish();
  exchange->work.reset();  // As the server does when an answer has ended.
  BOOST_TEST(cluster.stream(1)->cancelled());
}

BOOST_AUTO_TEST_CASE(no_prompt_is_started_after_an_error) {
  cluster.script = [](fake_stream& stream) { stream.sink->on_error({errc::no_group, "none"}); };
  ask("POST", "/v1/completions", R"({"model":"tiny","prompt":["a","b"]})");
  BOOST_TEST(cluster.streams() == 1u);
}

BOOST_AUTO_TEST_CASE(a_prompt_that_is_not_started_is_not_resumed) {
  cluster.script = [&](fake_stream&) {
    cluster.instead = [](const generate_request&, const std::shared_ptr<answer_sink>& sink) {
      sink->on_error({errc::unavailable, "the gateway is starting"});
      return nullptr;
    };
  };
  auto exchange = ask("POST", "/v1/completions", R"({"model":"tiny","prompt":["a","b"],"stream":true})");
  BOOST_TEST(exchange->response->status == 503);
  BOOST_REQUIRE(exchange->work);
  exchange->work->resume();
  exchange->work.reset();
  BOOST_TEST(cluster.stream(0)->cancelled());
}

BOOST_AUTO_TEST_CASE(an_answer_that_nobody_can_end_any_more_is_an_error) {
  cluster.instead = [](const generate_request&, const std::shared_ptr<answer_sink>&) { return nullptr; };
  auto whole = ask("POST", "/v1/completions", completion);
  BOOST_REQUIRE(whole->response.has_value());
  BOOST_TEST(whole->response->status == 502);
  BOOST_TEST(body_of(*whole).at("error").at("code").get_string() == "outcome_unknown");

  cluster.instead = [](const generate_request&, const std::shared_ptr<answer_sink>& sink) {
    sink->on_delta({.choice = 0, .text = "x", .logprobs = {}, .finish = finish_reason::none});
    return nullptr;
  };
  auto stream = ask("POST", "/v1/completions", streamed);
  BOOST_TEST(stream->ended);
  BOOST_TEST(count(stream->events, "outcome_unknown") == 1u);
  BOOST_TEST(count(stream->events, "[DONE]") == 0u);
}

BOOST_AUTO_TEST_CASE(an_error_before_the_first_piece_has_its_status) {
  auto exchange = ask("POST", "/v1/completions", streamed);
  cluster.stream(0)->sink->on_error({errc::no_group, "nobody"});
  BOOST_TEST(exchange->response->status == 503);
  BOOST_TEST(exchange->events.empty());
}

BOOST_AUTO_TEST_CASE(an_error_in_a_stream_is_its_last_event) {
  auto exchange = ask("POST", "/v1/completions", streamed);
  cluster.stream(0)->say("x");
  cluster.stream(0)->sink->on_error({errc::deadline_exceeded, "too late"});
  BOOST_TEST(exchange->ended);
  BOOST_TEST(exchange->events.ends_with(
      "data: {\"error\":{\"message\":\"too "
      "late\",\"type\":\"server_error\",\"param\":null,\"code\":\"deadline_exceeded\"}}\n\n"));
  BOOST_TEST(count(exchange->events, "[DONE]") == 0u);
  BOOST_TEST((exchange->failure->code == errc::deadline_exceeded));
}

BOOST_AUTO_TEST_CASE(a_refused_piece_is_offered_again_without_a_trace) {
  auto exchange = ask("POST", "/v1/chat/completions",
                      R"({"model":"tiny","messages":[{"role":"user","content":"Hi"}],"stream":true})", 0);
  auto stream = cluster.stream(0);
  BOOST_TEST(!stream->say("x"));
  BOOST_TEST(!stream->say("x"));
  exchange->room = 10;
  BOOST_TEST(stream->say("x"));
  stream->finish();
  BOOST_TEST(count(exchange->events, "\"role\":\"assistant\"") == 1u);
  BOOST_TEST(count(exchange->events, "\"content\":\"x\"") == 1u);
  BOOST_TEST(exchange->events.ends_with("data: [DONE]\n\n"));
  BOOST_TEST(metrics.firsts.size() == 1u);
}

BOOST_AUTO_TEST_CASE(an_answer_that_grows_too_large_is_refused) {
  config.collected_bytes_max = 100;
  api = make_api(config, cluster, time, random, metrics);
  auto exchange = ask("POST", "/v1/completions", completion);
  cluster.stream(0)->say(std::string(100, 'x'));
  BOOST_TEST(!exchange->response.has_value());
  cluster.stream(0)->say("y");
  BOOST_TEST(exchange->response->status == 413);
  BOOST_TEST(exchange->response->body.find("stream: true") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_bad_request_names_the_parameter) {
  auto exchange = ask("POST", "/v1/completions", R"({"model":"tiny","prompt":"a","temperature":9})");
  BOOST_TEST(exchange->response->status == 400);
  BOOST_TEST(body_of(*exchange).at("error").at("param").get_string() == "temperature");
  BOOST_TEST(cluster.streams() == 0u);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace troupe
