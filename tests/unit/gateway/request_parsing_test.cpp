#include <boost/test/unit_test.hpp>

#include "base/json.hpp"
#include "gateway/api/chat_request.hpp"
#include "gateway/api/completion_request.hpp"
#include "shards/chat_template/chat_template.hpp"
#include "shards/tokenizer/tokenizer.hpp"
#include "tests/unit/gateway/fake_cluster.hpp"

namespace troupe {
namespace {

struct parsing {
  fake_cluster cluster;
  manual_clock time;
  counting_random random;
  call_context context{.cluster = cluster,
                       .time = time,
                       .random = random,
                       .request_id = "req-7",
                       .request_timeout = std::chrono::minutes(3),
                       .choices_max = 16};

  api_result<generation_call> chat(std::string_view members) {
    return parse_chat_request(R"({"model":"tiny","messages":[{"role":"user","content":"Hi"}])" + with(members),
                              context);
  }
  api_result<generation_call> completion(std::string_view members) {
    return parse_completion_request(R"({"model":"tiny","prompt":"Once upon a time")" + with(members), context);
  }

 private:
  static std::string with(std::string_view members) {
    return (members.empty() ? "" : ",") + std::string(members) + "}";
  }
};

struct refusal {
  std::string_view members;
  std::string_view param;
  std::string_view words;
};

void check_refused(api_result<generation_call> call, const refusal& expected) {
  BOOST_TEST_CONTEXT(expected.members) {
    BOOST_REQUIRE(!call);
    BOOST_TEST(call.err().param == expected.param);
    BOOST_TEST_INFO(call.err().why.detail);
    BOOST_TEST(call.err().why.detail.find(expected.words) != std::string::npos);
    BOOST_TEST(http_status(call.err().why.code) / 100 == 4);
  }
}

std::string text_of(const generation_call& call, size_t prompt = 0) {
  return call.model->tokens->decode(call.requests[prompt].prompt, false);
}

BOOST_FIXTURE_TEST_SUITE(request_parsing, parsing)

BOOST_AUTO_TEST_CASE(a_chat_is_rendered_with_the_models_template) {
  auto call = chat("");
  BOOST_REQUIRE(call);
  BOOST_TEST(text_of(*call) == "<|endoftext|><|user|>\nHi<|end|>\n<|assistant|>\n");
  const auto& request = call->requests.at(0);
  BOOST_TEST(request.prompt[0] == 0u);
  BOOST_TEST(request.request_id == "req-7");
  BOOST_TEST(request.model == "tiny");
  BOOST_TEST(request.choices == 1u);
  BOOST_TEST(request.tokens_max == 1024 - request.prompt.size());
  BOOST_TEST((request.timeout == std::chrono::minutes(3)));
  BOOST_TEST(!call->stream);
  BOOST_TEST(!call->logprobs);
}

BOOST_AUTO_TEST_CASE(a_template_reads_all_special_tokens_of_its_model) {
  auto made = [](std::string_view config) {
    auto parsed = parse_json(config);
    BOOST_REQUIRE(parsed.has_value());
    auto chat = chat_template_from_config(parsed->get_object());
    BOOST_REQUIRE(chat.has_value());
    return std::make_shared<const chat_template_set>(std::move(*chat));
  };
  cluster.tiny->chat =
      made(R"({"pad_token":"<|end|>","chat_template":"{{ pad_token }}{{ bos_token }}{{ tools is none }}"})");
  auto call = chat("");
  BOOST_REQUIRE(call);
  BOOST_TEST(text_of(*call) == "<|end|><|endoftext|>True");  // The tokenizer knows a bos that the file does not name.
  check_refused(chat(R"("chat_template_kwargs":{"pad_token":""})"),
                {"", "chat_template_kwargs", "without \"pad_token\""});
}

BOOST_AUTO_TEST_CASE(the_models_defaults_hold_where_nothing_is_said) {
  auto call = chat(R"("temperature":null)");
  BOOST_REQUIRE(call);
  BOOST_TEST(call->requests[0].sampling.temperature == 0.75F);
  BOOST_TEST(call->requests[0].sampling.top_p == 0.5F);
  BOOST_TEST(call->requests[0].sampling.top_logprobs == -1);
  BOOST_TEST(call->requests[0].sampling.seed == 1u);  // The source's first word.
}

BOOST_AUTO_TEST_CASE(every_parameter_of_a_chat_arrives) {
  auto call = chat(R"("n":3,"seed":-2,"stop":["a","bc"],"logprobs":true,"top_logprobs":5,"stream":true,
    "stream_options":{"include_usage":true},"max_completion_tokens":7,"max_tokens":900,"temperature":0,"top_p":0.25,
    "top_k":40,"min_p":0.125,"presence_penalty":-2,"frequency_penalty":2,"repetition_penalty":1.5,
    "logit_bias":{"17":-100,"2047":1.5},"ignore_eos":true,"skip_special_tokens":false,"user":"u","metadata":{"a":"b"},
    "response_format":{"type":"text"},"modalities":["text"],"tools":[],"tool_choice":"auto","priority":-7,"cache_salt":"a b","prompt_cache_key":"c","unheard_of":{"x":[1]})");
  BOOST_REQUIRE(call);
  const auto& request = call->requests.at(0);
  sampling_params expected{.temperature = 0,
                           .top_p = 0.25F,
                           .top_k = 40,
                           .min_p = 0.125F,
                           .presence_penalty = -2,
                           .frequency_penalty = 2,
                           .repetition_penalty = 1.5F,
                           .logit_bias = {{17, -100.0F}, {2047, 1.5F}},
                           .seed = static_cast<uint64_t>(-2),
                           .stream = 0,
                           .ignore_eos = true,
                           .top_logprobs = 5};
  BOOST_TEST((request.sampling == expected));
  BOOST_TEST(request.choices == 3u);
  BOOST_TEST(request.tokens_max == 7u);
  BOOST_TEST((request.stop == std::vector<std::string>{"a", "bc"}));
  BOOST_TEST(request.keep_special_tokens);
  BOOST_TEST(request.priority == -7);
  BOOST_TEST(request.cache_salt == "cache_salt 3 a b;prompt_cache_key 1 c;");
  BOOST_TEST(call->stream);
  BOOST_TEST(call->include_usage);
  BOOST_TEST(call->logprobs);
}

BOOST_AUTO_TEST_CASE(edges_of_ranges_are_accepted) {
  BOOST_TEST(chat(R"("stop":"x")")->requests[0].stop.at(0) == "x");
  BOOST_TEST(chat(R"("stop":null)")->requests[0].stop.empty());
  BOOST_TEST(chat(R"("top_p":0)")->requests[0].sampling.top_p > 0);
  BOOST_TEST(chat(R"("top_k":-1)")->requests[0].sampling.top_k == 0u);
  BOOST_TEST(chat(R"("logprobs":true)")->requests[0].sampling.top_logprobs == 0);
  BOOST_TEST(chat(R"("n":16)")->requests[0].choices == 16u);
  BOOST_TEST(chat(R"("max_tokens":3.0)")->requests[0].tokens_max == 3u);
  BOOST_TEST(!!chat(R"("seed":9223372036854775807)"));
  BOOST_TEST(!!chat(R"("seed":-9223372036854775808)"));
}

BOOST_AUTO_TEST_CASE(what_a_chat_may_not_say_is_refused_by_name) {
  std::string long_stop = "\"stop\":\"" + std::string(1025, 'x') + "\"";
  std::string long_key = "\"prompt_cache_key\":\"" + std::string(65, 'x') + "\"";
  std::string many_stops = R"("stop":["1","2","3","4","5","6","7","8","9","0","a","b","c","d","e","f","g"])";
  const refusal cases[] = {
      {R"("temperature":2.5)", "temperature", "from 0 to 2"},
      {R"("temperature":-0.1)", "temperature", "from 0 to 2"},
      {R"("temperature":"hot")", "temperature", "must be a number"},
      {R"("top_p":1.01)", "top_p", "from 0 to 1"},
      {R"("top_k":-2)", "top_k", "from -1"},
      {R"("top_k":1.5)", "top_k", "a whole number"},
      {R"("min_p":2)", "min_p", "from 0 to 1"},
      {R"("presence_penalty":2.1)", "presence_penalty", "from -2 to 2"},
      {R"("frequency_penalty":-3)", "frequency_penalty", "from -2 to 2"},
      {R"("repetition_penalty":0)", "repetition_penalty", "above 0"},
      {R"("repetition_penalty":1e-60)", "repetition_penalty", "above 0"},
      {R"("repetition_penalty":11)", "repetition_penalty", "from 0 to 10"},
      {R"("n":0)", "n", "from 1 to 16"},
      {R"("n":17)", "n", "from 1 to 16"},
      {R"("n":1e300)", "n", "a whole number"},
      {R"("seed":1.5)", "seed", "a whole number"},
      {R"("seed":"1")", "seed", "a whole number"},
      {R"("seed":18446744073709551615)", "seed", "a whole number"},
      {R"("stop":7)", "stop", "a string, or an array"},
      {R"("stop":"")", "stop", "1 to 1024 bytes"},
      {R"("stop":["a",7])", "stop", "a string, or an array"},
      {long_stop, "stop", "1 to 1024 bytes"},
      {many_stops, "stop", "at most 16"},
      {R"("max_tokens":0)", "max_tokens", "from 1"},
      {R"("max_tokens":-5)", "max_tokens", "from 1"},
      {R"("max_tokens":1e12)", "max_tokens", "from 1"},
      {R"("max_completion_tokens":"9")", "max_completion_tokens", "a whole number"},
      {R"("max_completion_tokens":9,"max_tokens":"9")", "max_tokens", "a whole number"},
      {R"("max_completion_tokens":1024,"max_tokens":9)", "max_completion_tokens",
       "max_completion_tokens asks for 1024"},
      {R"("logprobs":5)", "logprobs", "a boolean"},
      {R"("top_logprobs":3)", "top_logprobs", "logprobs is not true"},
      {R"("logprobs":true,"top_logprobs":21)", "top_logprobs", "from 0 to 20"},
      {R"("logit_bias":[1])", "logit_bias", "an object"},
      {R"("logit_bias":{"x":1})", "logit_bias", "token ids"},
      {R"("logit_bias":{"-1":1})", "logit_bias", "token ids"},
      {R"("logit_bias":{"007":1})", "logit_bias", "token ids"},
      {R"("logit_bias":{"2048":1})", "logit_bias", "0 to 2047"},
      {R"("logit_bias":{"5":101})", "logit_bias.5", "from -100 to 100"},
      {R"("logit_bias":{"5":null})", "logit_bias.5", "a number"},
      {R"("ignore_eos":1)", "ignore_eos", "a boolean"},
      {R"("stream":"yes")", "stream", "a boolean"},
      {R"("stream_options":{"include_usage":true})", "stream_options", "only allowed where stream"},
      {R"("stream":true,"stream_options":[])", "stream_options", "an object"},
      {R"("stream":true,"stream_options":{"include_usage":1})", "stream_options.include_usage", "a boolean"},
      {R"("user":5)", "user", "a string"},
      {R"("priority":101)", "priority", "from -100 to 100"},
      {R"("priority":"high")", "priority", "a whole number"},
      {R"("cache_salt":5)", "cache_salt", "a string"},
      {long_key, "prompt_cache_key", "at most 64 bytes"},
      {R"("tools":[{"type":"function"}])", "tools", "not supported"},
      {R"("functions":[{"name":"f"}])", "functions", "not supported"},
      {R"("tool_choice":"required")", "tool_choice", "not supported"},
      {R"("tool_choice":{"type":"function"})", "tool_choice", "not supported"},
      {R"("function_call":{"name":"f"})", "function_call", "not supported"},
      {R"("response_format":{"type":"json_object"})", "response_format", "only the type \"text\""},
      {R"("response_format":{"type":"json_schema","json_schema":{}})", "response_format", "only the type \"text\""},
      {R"("response_format":"text")", "response_format", "an object"},
      {R"("modalities":["text","audio"])", "modalities", "not supported"},
      {R"("audio":{"voice":"x","format":"wav"})", "audio", "not supported"},
      {R"("web_search_options":{})", "web_search_options", "not supported"},
      {R"("store":true)", "store", "not supported"},
      {R"("guided_json":{"a":1})", "guided_json", "not supported"},
      {R"("stop_token_ids":[5])", "stop_token_ids", "not supported"},
      {R"("min_tokens":3)", "min_tokens", "not supported"},
      {R"("chat_template":"{{ 1 }}")", "chat_template", "not supported"},
      {R"("chat_template_kwargs":7)", "chat_template_kwargs", "an object"},
      {R"("chat_template_kwargs":{"messages":[]})", "chat_template_kwargs", "without \"messages\""},
      {R"("chat_template_kwargs":{"bos_token":""})", "chat_template_kwargs", "without \"bos_token\""},
      {R"("add_generation_prompt":"no")", "add_generation_prompt", "a boolean"},
      {R"("continue_final_message":true,"add_generation_prompt":true)", "add_generation_prompt", "false where"},
      {R"("max_tokens":1024)", "max_tokens", "the model's context is 1024 tokens"},
  };
  for (const auto& each : cases) check_refused(chat(each.members), each);
}

BOOST_AUTO_TEST_CASE(messages_that_are_not_a_conversation_of_texts_are_refused_by_name) {
  const refusal cases[] = {
      {R"([])", "messages", "a non-empty array"},
      {R"(null)", "messages", "a non-empty array"},
      {R"("Hi")", "messages", "an array"},
      {R"(["Hi"])", "messages[0]", "an object"},
      {R"([{"content":"Hi"}])", "messages[0].role", "\"user\""},
      {R"([{"role":"robot","content":"Hi"}])", "messages[0].role", "\"user\""},
      {R"([{"role":7,"content":"Hi"}])", "messages[0].role", "a string"},
      {R"([{"role":"user"}])", "messages[0].content", "a string or an array"},
      {R"([{"role":"user","content":null}])", "messages[0].content", "a string or an array"},
      {R"([{"role":"user","content":{"a":1}}])", "messages[0].content", "a string or an array"},
      {R"([{"role":"user","content":[]}])", "messages[0].content", "non-empty"},
      {R"([{"role":"user","content":["Hi"]}])", "messages[0].content[0]", "an object"},
      {R"([{"role":"user","content":[{"type":"text"}]}])", "messages[0].content[0].text", "a string"},
      {R"([{"role":"user","content":"a"},{"role":"user","content":[{"type":"image_url","image_url":{"url":"x"}}]}])",
       "messages[1].content[0].type", "only parts of type \"text\""},
      {R"([{"role":"user","content":[{"type":"input_audio"}]}])", "messages[0].content[0].type", "only parts"},
      {R"([{"role":"user","content":"a","name":5}])", "messages[0].name", "a string"},
      {R"([{"role":"user","content":"a","tool_calls":[{"function":{}}]}])", "messages[0].tool_calls", "an assistant's"},
      {R"([{"role":"assistant","tool_calls":[7]}])", "messages[0].tool_calls[0]", "an object"},
      {R"([{"role":"assistant","tool_calls":[{"function":{"arguments":"{"}}]}])",
       "messages[0].tool_calls[0].function.arguments", "a JSON object"},
      {R"([{"role":"assistant","content":"a","audio":{"id":"x"}}])", "messages[0].audio", "messages are text"},
  };
  for (const auto& each : cases) {
    check_refused(parse_chat_request(R"({"model":"tiny","messages":)" + std::string(each.members) + "}", context),
                  each);
  }
}

BOOST_AUTO_TEST_CASE(bodies_that_are_no_request_are_refused) {
  const refusal cases[] = {
      {"", "", "invalid JSON"},
      {"{", "", "invalid JSON"},
      {"[]", "", "must be a JSON object, not an array"},
      {"\"x\"", "", "must be a JSON object, not a string"},
      {R"({"model":"tiny","model":"tiny"})", "", "occurs twice"},
      {"{\"model\":\"\xFF\"}", "", "invalid JSON"},
      {R"({"messages":[]})", "model", "the name of a model"},
      {R"({"model":5})", "model", "a string"},
      {R"({"model":"gpt-9","messages":[]})", "model", "\"gpt-9\" does not exist"},
      {R"({"model":"plain","messages":[{"role":"user","content":"Hi"}]})", "model", "no chat template"},
  };
  for (const auto& each : cases) check_refused(parse_chat_request(each.members, context), each);
  BOOST_TEST((parse_chat_request(R"({"model":"gpt-9"})", context).err().why.code == errc::unknown_model));
}

BOOST_AUTO_TEST_CASE(a_body_is_as_large_as_the_server_let_it_be) {
  std::string large = R"({"model":"tiny","prompt":"a","user":")" + std::string(5 << 20, 'x') + "\"}";
  BOOST_TEST(!!parse_completion_request(large, context));
}

BOOST_AUTO_TEST_CASE(an_alias_names_the_model_itself) {
  auto call = parse_completion_request(R"({"model":"default","prompt":"a"})", context);
  BOOST_REQUIRE(call);
  BOOST_TEST(call->requests[0].model == "tiny");
}

BOOST_AUTO_TEST_CASE(a_final_message_can_be_continued) {
  auto call = parse_chat_request(R"({"model":"tiny","continue_final_message":true,"messages":[
      {"role":"developer","content":"Be brief."},{"role":"user","content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]},
      {"role":"assistant","content":"Well, "}]})",
                                 context);
  BOOST_REQUIRE(call);
  BOOST_TEST(text_of(*call) ==
             "<|endoftext|><|system|>\nBe brief.<|end|>\n<|user|>\na\nb<|end|>\n<|assistant|>\nWell, ");
}

BOOST_AUTO_TEST_CASE(a_completion_takes_prompts_in_four_forms) {
  auto text = completion("");
  BOOST_REQUIRE(text);
  BOOST_TEST(text_of(*text) == "Once upon a time");
  BOOST_TEST(text->requests[0].tokens_max == 16u);

  auto ids = parse_completion_request(R"({"model":"tiny","prompt":[7,8,9]})", context);
  BOOST_REQUIRE(ids);
  BOOST_TEST((ids->requests.at(0).prompt == std::vector<token_id>{7, 8, 9}));

  auto texts = parse_completion_request(R"({"model":"tiny","prompt":["a","b"],"n":2})", context);
  BOOST_REQUIRE(texts);
  BOOST_TEST(texts->requests.size() == 2u);
  BOOST_TEST(text_of(*texts, 1) == "b");
  BOOST_TEST(texts->requests[0].sampling.seed != texts->requests[1].sampling.seed);

  auto id_lists = parse_completion_request(R"({"model":"tiny","prompt":[[7],[8,9]],"seed":5})", context);
  BOOST_REQUIRE(id_lists);
  BOOST_TEST((id_lists->requests.at(1).prompt == std::vector<token_id>{8, 9}));
  BOOST_TEST(id_lists->requests[0].sampling.seed == 5u);
  BOOST_TEST(id_lists->requests[1].sampling.seed == 5u);
}

BOOST_AUTO_TEST_CASE(an_empty_prompt_begins_a_document) {
  auto call = parse_completion_request(R"({"model":"tiny","prompt":""})", context);
  BOOST_REQUIRE(call);
  BOOST_TEST((call->requests[0].prompt == std::vector<token_id>{0}));
}

BOOST_AUTO_TEST_CASE(echo_repeats_the_prompt) {
  BOOST_TEST(completion(R"("echo":true)")->echo.at(0) == "Once upon a time");
  BOOST_TEST(completion("")->echo.at(0).empty());
  auto ids = parse_completion_request(R"({"model":"tiny","prompt":[6,7],"echo":true,"best_of":1})", context);
  BOOST_REQUIRE(ids);
  BOOST_TEST(ids->echo.at(0) == "!\"");
}

BOOST_AUTO_TEST_CASE(what_a_completion_may_not_say_is_refused_by_name) {
  const refusal cases[] = {
      {R"("suffix":"end")", "suffix", "not supported"},
      {R"("best_of":2)", "best_of", "may only equal n"},
      {R"("n":2,"best_of":1)", "best_of", "may only equal n"},
      {R"("logprobs":true)", "logprobs", "a whole number"},
      {R"("logprobs":21)", "logprobs", "from 0 to 20"},
      {R"("echo":true,"logprobs":1)", "echo", "leave out logprobs"},
      {R"("echo":"yes")", "echo", "a boolean"},
      {R"("max_tokens":0)", "max_tokens", "from 1"},
  };
  for (const auto& each : cases) check_refused(completion(each.members), each);

  const refusal prompts[] = {
      {"null", "prompt", "a string, an array of strings"},
      {"7", "prompt", "a string, an array of strings"},
      {"{}", "prompt", "a string, an array of strings"},
      {"[]", "prompt", "a string, an array of strings"},
      {"[[]]", "prompt[0]", "at least one token id"},
      {"[true]", "prompt", "a string, an array of strings"},
      {"[\"a\",7]", "prompt", "a string, an array of strings"},
      {"[\"a\",[7]]", "prompt", "a string, an array of strings"},
      {"[7,\"a\"]", "prompt[1]", "a token id"},
      {"[7,-1]", "prompt[1]", "from 0 to 2047"},
      {"[7,2048]", "prompt[1]", "from 0 to 2047"},
      {"[7,1.5]", "prompt[1]", "a token id"},
      {"[[7],[8,4e9]]", "prompt[1][1]", "a token id"},
      {R"(["","","","","","","","","","","","","","","","",""])", "prompt", "at most 16"},
  };
  for (const auto& each : prompts) {
    check_refused(parse_completion_request(R"({"model":"tiny","prompt":)" + std::string(each.members) + "}", context),
                  each);
  }
}

BOOST_AUTO_TEST_CASE(prompts_times_n_have_a_bound) {
  check_refused(parse_completion_request(R"({"model":"tiny","prompt":["a","b","c"],"n":6})", context),
                {"", "prompt", "at most 2"});
}

BOOST_AUTO_TEST_CASE(the_context_is_a_bound_that_is_told_in_numbers) {
  auto with = [&](int tokens, std::string_view more) {
    std::string ids = "[6";
    for (int i = 1; i < tokens; ++i) ids += ",6";
    return parse_completion_request(R"({"model":"plain","prompt":)" + ids + "]" + std::string(more) + "}", context);
  };
  BOOST_TEST(with(16, "")->requests[0].tokens_max == 16u);
  BOOST_TEST(with(31, "")->requests[0].tokens_max == 1u);  // The default is cut, a wish is not.
  BOOST_TEST(with(30, R"(,"max_tokens":2)")->requests[0].tokens_max == 2u);

  auto full = with(32, "");
  BOOST_REQUIRE(!full);
  BOOST_TEST((full.err().why.code == errc::context_length_exceeded));
  BOOST_TEST(full.err().param == "prompt");
  BOOST_TEST(full.err().why.detail ==
             "the model's context is 32 tokens, but the prompt has 32, which leaves no room for an answer");

  auto over = with(30, R"(,"max_tokens":3)");
  BOOST_REQUIRE(!over);
  BOOST_TEST((over.err().why.code == errc::context_length_exceeded));
  BOOST_TEST(over.err().param == "max_tokens");
  BOOST_TEST(over.err().why.detail ==
             "the model's context is 32 tokens, but the prompt has 30 and max_tokens asks for 3 more, which makes 33");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace troupe
