// POST /v1/embeddings: what a body may say, and what a client gets while the cluster, which the test plays, embeds.

#include "gateway/api/embedding_request.hpp"
#include "shards/tokenizer/tokenizer.hpp"
#include "tests/unit/gateway/api_world.hpp"

namespace troupe {
namespace {

struct embedding_world : api_world {
  call_context context{.cluster = cluster,
                       .time = time,
                       .random = random,
                       .request_id = "req-7",
                       .request_timeout = std::chrono::minutes(3),
                       .choices_max = 16};
  embedding_limits limits;

  api_result<embedding_call> parse(std::string_view members) {
    return parse_embedding_request(R"({"model":"tiny",)" + std::string(members) + "}", context, limits);
  }
  bool accepts(std::string_view members) { return static_cast<bool>(parse(members)); }
  void check_refused(std::string_view members, std::string_view param, std::string_view words,
                     errc code = errc::invalid_argument) {
    BOOST_TEST_CONTEXT(members) {
      auto call = parse(members);
      BOOST_REQUIRE(!call);
      BOOST_TEST(call.err().param == param);
      BOOST_TEST_INFO(call.err().why.detail);
      BOOST_TEST(call.err().why.detail.find(words) != std::string::npos);
      BOOST_TEST((call.err().why.code == code));
    }
  }
  std::shared_ptr<recorded_exchange> embed(std::string_view members) {
    return ask("POST", "/v1/embeddings", R"({"model":"tiny",)" + std::string(members) + "}");
  }
  /// `count` inputs of one token each.
  static std::string inputs(size_t count) {
    std::string out = R"("input":[[5])";
    for (size_t i = 1; i < count; ++i) out += ",[5]";
    return out + "]";
  }
};

BOOST_FIXTURE_TEST_SUITE(embeddings, embedding_world)

BOOST_AUTO_TEST_CASE(a_text_is_one_input_with_the_tokens_of_a_completion) {
  auto call = parse(R"("input":"Once upon a time","user":"u","priority":-3,"cache_salt":"s")");
  BOOST_REQUIRE(call);
  BOOST_REQUIRE(call->requests.size() == 1u);
  const auto& request = call->requests[0];
  BOOST_TEST((request.prompt == cluster.tiny->tokens->encode("Once upon a time", true).value()));
  BOOST_TEST((request.pooling == pooling_kind::mean));
  BOOST_TEST(request.model == "tiny");
  BOOST_TEST(request.request_id == "req-7");
  BOOST_TEST(request.tokens_max == 0u);
  BOOST_TEST(request.choices == 1u);
  BOOST_TEST(request.priority == -3);
  BOOST_TEST(request.cache_salt == "cache_salt 1 s;");
  BOOST_TEST(call->dimensions == 4u);
  BOOST_TEST((call->format == embedding_format::numbers));
}

BOOST_AUTO_TEST_CASE(inputs_have_the_forms_of_prompts) {
  auto texts = parse(R"("input":["a","b","c"],"encoding_format":"base64","dimensions":3)");
  BOOST_REQUIRE(texts);
  BOOST_TEST(texts->requests.size() == 3u);
  BOOST_TEST(texts->dimensions == 3u);
  BOOST_TEST((texts->format == embedding_format::base64));
  auto ids = parse(R"("input":[7,8,9])");
  BOOST_REQUIRE(ids);
  BOOST_TEST((ids->requests.at(0).prompt == std::vector<token_id>{7, 8, 9}));
  auto several = parse(R"("input":[[7],[8,9]])");
  BOOST_REQUIRE(several);
  BOOST_TEST((several->requests.at(1).prompt == std::vector<token_id>{8, 9}));
}

BOOST_AUTO_TEST_CASE(what_is_wrong_is_refused_with_its_path) {
  check_refused(R"("user":"u")", "input", "must be a string, an array of strings");
  check_refused(R"("input":[])", "input", "must be a string, an array of strings");
  check_refused(R"("input":5)", "input", "must be a string");
  check_refused(R"("input":"")", "input", "a text that is not empty");
  check_refused(R"("input":["a",""])", "input[1]", "a text that is not empty");
  check_refused(R"("input":["a",5])", "input", "must be a string");
  check_refused(R"("input":[[1],[]])", "input[1]", "at least one token id");
  check_refused(R"("input":[1,99999])", "input[1]", "a token id from 0 to");
  check_refused(R"("input":[1,2.5])", "input[1]", "a token id");
  check_refused(R"("input":"a","encoding_format":"bytes")", "encoding_format", "\"float\" or \"base64\"");
  check_refused(R"("input":"a","encoding_format":1)", "encoding_format", "string");
  check_refused(R"("input":"a","dimensions":0)", "dimensions", "");
  check_refused(R"("input":"a","dimensions":5)", "dimensions", "4");
  check_refused(R"("input":"a","dimensions":"2")", "dimensions", "");
  check_refused(R"("input":"a","user":1)", "user", "string");
  check_refused(R"("input":"a","truncate_prompt_tokens":10)", "truncate_prompt_tokens", "never cut");
  check_refused(R"("input":"a","normalize":false)", "normalize", "length one");
  BOOST_TEST(accepts(R"("input":"a","normalize":true,"dimensions":null,"something":"else")"));
  auto unknown = parse_embedding_request(R"({"model":"m","input":"a"})", context, limits);
  BOOST_REQUIRE(!unknown);
  BOOST_TEST((unknown.err().why.code == errc::unknown_model));
}

BOOST_AUTO_TEST_CASE(bounds_are_named_with_their_numbers) {
  std::string ids = "5";
  for (int i = 1; i < 1025; ++i) ids += ",5";
  check_refused(R"("input":[[5],[)" + ids + "]]", "input[1]",
                "the model's context is 1024 tokens, but input[1] has 1025", errc::context_length_exceeded);
  BOOST_TEST(accepts(R"("input":[)" + ids.substr(2) + "]"));  // as long as the context
  limits.inputs_max = 3;
  BOOST_TEST(accepts(inputs(3)));
  check_refused(inputs(4), "input", "at most 3 inputs");
  limits.inputs_max = 2048;
  limits.tokens_max = 1030;
  check_refused(R"("input":[[5,5,5],[)" + ids.substr(2) + "],[5,5,5,5]]", "input",
                "all inputs together may have 1030 tokens; up to input[2] they have 1031");
  limits.answer_bytes_max = 4 * 16 * 10;
  BOOST_TEST(accepts(inputs(10)));
  check_refused(inputs(11), "input", "send at most 10 inputs, or ask for base64", errc::payload_too_large);
  BOOST_TEST(accepts(inputs(11) + R"(,"encoding_format":"base64")"));
  BOOST_TEST(accepts(inputs(20) + R"(,"dimensions":2)"));
}

BOOST_AUTO_TEST_CASE(an_answer_has_the_embeddings_in_the_order_of_the_inputs) {
  auto exchange = embed(R"("input":["a","Once upon a time"])");
  BOOST_TEST(cluster.streams() == 2u);
  cluster.stream(1)->embed({0, 0, 0.5F, 1e-10F}, 3);
  BOOST_TEST(!exchange->response.has_value());
  cluster.stream(0)->embed({0.1F, -1, 0, 0});
  BOOST_REQUIRE(exchange->response.has_value());
  BOOST_TEST(exchange->response->status == 200);
  const auto tokens = cluster.stream(0)->request.prompt.size() + cluster.stream(1)->request.prompt.size();
  const std::string count = std::to_string(tokens);
  BOOST_TEST(
      exchange->response->body ==
      R"({"object":"list","data":[{"object":"embedding","index":0,"embedding":[0.1,-1,0,0]},)"
      R"({"object":"embedding","index":1,"embedding":[0,0,0.5,1e-10]}],"model":"tiny","usage":{"prompt_tokens":)" +
          count + R"(,"total_tokens":)" + count + "}}");
  BOOST_TEST(exchange->response->usage.prompt_tokens == tokens);
  BOOST_TEST(exchange->response->usage.cached_tokens == 3u);
}

BOOST_AUTO_TEST_CASE(base64_is_little_endian_f32) {
  auto exchange = embed(R"("input":"a","encoding_format":"base64")");
  cluster.stream(0)->embed({1, -2, 0.5F, 0});
  // Of 0000803f 000000c0 0000003f 00000000.
  BOOST_TEST(body_of(*exchange).at("data").at(0).at("embedding").get_string() == "AACAPwAAAMAAAAA/AAAAAA==");
  auto shorter = embed(R"("input":"a","encoding_format":"base64","dimensions":3)");
  cluster.stream(1)->embed({2, 0, 0, 5});
  BOOST_TEST(body_of(*shorter).at("data").at(0).at("embedding").get_string() == "AACAPwAAAAAAAAAA");
}

BOOST_AUTO_TEST_CASE(fewer_dimensions_have_length_one_again) {
  auto exchange = embed(R"("input":"a","dimensions":2)");
  cluster.stream(0)->embed({0.375F, -0.5F, 0.7F, 0.3F});
  BOOST_TEST(exchange->response->body.find(R"("embedding":[0.6,-0.8])") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(some_inputs_are_under_way_and_the_next_begins_when_one_is_done) {
  config.embeddings_at_once = 3;
  api = make_api(config, cluster, time, random, metrics);
  auto exchange = embed(inputs(5));
  BOOST_TEST(cluster.streams() == 3u);
  cluster.stream(1)->embed({0, 0, 0, 1});
  BOOST_TEST(cluster.streams() == 4u);
  BOOST_TEST(cluster.stream(1)->cancelled());  // It has ended: what ran for it is gone.
  for (size_t i : {0, 2, 3}) cluster.stream(i)->embed({0, 0, 0, 1});
  BOOST_TEST(cluster.streams() == 5u);
  BOOST_TEST(!exchange->response.has_value());
  cluster.stream(4)->embed({0, 0, 0, 1});
  BOOST_TEST(body_of(*exchange).at("data").get_array().size() == 5u);
}

BOOST_AUTO_TEST_CASE(thousands_of_inputs_that_are_answered_at_once_nest_nothing) {
  cluster.script = [](fake_stream& stream) { stream.embed({0, 1, 0, 0}); };
  auto exchange = embed(inputs(2048));
  BOOST_TEST(body_of(*exchange).at("data").get_array().size() == 2048u);
  BOOST_TEST(body_of(*exchange).at("usage").at("total_tokens").as_int64() == 2048);
}

BOOST_AUTO_TEST_CASE(later_inputs_have_what_is_left_of_the_time) {
  config.embeddings_at_once = 1;
  config.request_timeout = std::chrono::seconds(10);
  api = make_api(config, cluster, time, random, metrics);
  auto exchange = embed(inputs(3));
  BOOST_TEST((cluster.stream(0)->request.timeout == std::chrono::seconds(10)));
  time.advance(std::chrono::seconds(4));
  cluster.stream(0)->embed({0, 0, 0, 1});
  BOOST_TEST((cluster.stream(1)->request.timeout == std::chrono::seconds(6)));
  time.advance(std::chrono::seconds(6));
  cluster.stream(1)->embed({0, 0, 0, 1});
  BOOST_TEST(cluster.streams() == 2u);
  BOOST_TEST(exchange->response->status == 504);
}

BOOST_AUTO_TEST_CASE(one_inputs_error_is_the_calls_error_and_ends_the_others) {
  config.embeddings_at_once = 2;
  api = make_api(config, cluster, time, random, metrics);
  auto exchange = embed(inputs(5));
  cluster.stream(0)->sink->on_error({errc::no_group, "none"});
  BOOST_TEST(exchange->response->status == 503);
  BOOST_TEST(cluster.stream(1)->cancelled());
  cluster.stream(1)->embed({0, 0, 0, 1});
  BOOST_TEST(cluster.streams() == 2u);
}

BOOST_AUTO_TEST_CASE(an_input_that_finds_the_queue_full_waits_for_one_of_its_call) {
  auto exchange = embed(R"("input":[[1],[2],[3]])");
  cluster.stream(1)->sink->on_error({errc::overloaded, "full"});
  cluster.stream(2)->sink->on_error({errc::overloaded, "full"});
  BOOST_TEST(!exchange->response.has_value());
  BOOST_TEST(cluster.streams() == 3u);
  cluster.stream(0)->embed({1, 0, 0, 0});
  BOOST_TEST(cluster.streams() == 5u);
  BOOST_TEST((cluster.stream(3)->request.prompt == std::vector<token_id>{3}));
  cluster.stream(3)->embed({0, 0, 1, 0});
  cluster.stream(4)->embed({0, 1, 0, 0});
  const auto body = exchange->response->body;
  BOOST_TEST(body.find(R"("index":1,"embedding":[0,1,0,0])") < body.find(R"("index":2,"embedding":[0,0,1,0])"));
  BOOST_TEST(body.find(R"("index":2,"embedding":[0,0,1,0])") != std::string::npos);

  auto alone = embed(R"("input":[[1]])");
  cluster.stream(5)->sink->on_error({errc::overloaded, "full"});
  BOOST_TEST(alone->response->status == 503);
}

BOOST_AUTO_TEST_CASE(a_client_that_leaves_cancels_what_runs_and_starts_nothing_more) {
  config.embeddings_at_once = 2;
  api = make_api(config, cluster, time, random, metrics);
  auto exchange = embed(inputs(5));
  exchange->work.reset();
  BOOST_TEST(cluster.stream(0)->cancelled());
  BOOST_TEST(cluster.stream(1)->cancelled());
  BOOST_TEST(cluster.streams() == 2u);
}

BOOST_AUTO_TEST_CASE(an_input_that_nobody_can_end_any_more_is_an_error) {
  cluster.instead = [](const generate_request&, const std::shared_ptr<answer_sink>&) { return nullptr; };
  auto exchange = embed(inputs(3));
  BOOST_REQUIRE(exchange->response.has_value());
  BOOST_TEST(exchange->response->status == 502);
}

BOOST_AUTO_TEST_CASE(an_embedding_of_another_width_or_none_is_an_error_of_ours) {
  auto wide = embed(R"("input":"a")");
  cluster.stream(0)->embed({0, 1});
  BOOST_TEST(wide->response->status == 500);
  auto none = embed(R"("input":"a")");
  cluster.stream(1)->sink->on_end({});
  BOOST_TEST(none->response->status == 500);
}

BOOST_AUTO_TEST_CASE(a_bad_call_names_the_parameter_and_the_route_is_a_post_of_json) {
  auto exchange = embed(R"("input":["a",""])");
  BOOST_TEST(exchange->response->status == 400);
  auto why = body_of(*exchange).at("error");
  BOOST_TEST(why.at("param").get_string() == "input[1]");
  BOOST_TEST(why.at("type").get_string() == "invalid_request_error");
  BOOST_TEST(cluster.streams() == 0u);
  BOOST_TEST(ask("GET", "/v1/embeddings")->response->allow == "POST");
  BOOST_TEST((api->route_of("/v1/embeddings") == route::embeddings));
  BOOST_TEST(name(route::embeddings) == "embeddings");
  BOOST_TEST(name(route::unknown) == "unknown");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace troupe
