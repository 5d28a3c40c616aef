// The golden texts are OpenAI's own examples (openapi.yaml: CreateChatCompletionStreamResponse,
// CreateCompletionResponse, …) in shape, member by member, with this test's values.
#include "gateway/api/answer_text.hpp"

#include <boost/test/unit_test.hpp>
#include <limits>

#include "base/json.hpp"
#include "gateway/api/http_exchange.hpp"
#include "gateway/api/json_text.hpp"

namespace troupe {
namespace {

answer_identity identity(bool chat, bool logprobs = false, bool usage = false) {
  return {.chat = chat,
          .id = "id-1",
          .created = 1700000000,
          .model = "ti\"ny",
          .logprobs = logprobs,
          .include_usage = usage};
}

answer_delta delta(std::string text, finish_reason finish = finish_reason::none) {
  return {.choice = 0, .text = std::move(text), .logprobs = {}, .finish = finish};
}

const std::vector<token_logprob> two_tokens{
    {.id = 5, .bytes = "a", .logprob = -0.5F, .top = {{5, "a", -0.5F}, {6, "b", -1.25F}}},
    {.id = 9, .bytes = "\xE2\x80", .logprob = -std::numeric_limits<float>::infinity(), .top = {}}};

constexpr std::string_view two_tokens_chat =
    R"([{"token":"a","logprob":-0.5,"bytes":[97],"top_logprobs":[{"token":"a","logprob":-0.5,"bytes":[97]},)"
    R"({"token":"b","logprob":-1.25,"bytes":[98]}]},)"
    R"({"token":"bytes:\\xe2\\x80","logprob":-9999,"bytes":[226,128],"top_logprobs":[]}])";

std::string chat_chunk(std::string_view choices, std::string_view usage = "") {
  return R"(data: {"id":"id-1","object":"chat.completion.chunk","created":1700000000,"model":"ti\"ny","choices":[)" +
         std::string(choices) + "]" + std::string(usage) + "}\n\n";
}

std::string text_chunk(std::string_view choices) {
  return R"(data: {"id":"id-1","object":"text_completion","created":1700000000,"model":"ti\"ny","choices":[)" +
         std::string(choices) + "]}\n\n";
}

BOOST_AUTO_TEST_CASE(a_chat_stream_tells_role_pieces_and_finish) {
  answer_events events(identity(true));
  std::vector<choice_progress> progress(3);
  std::string out;
  events.append_delta(out, 2, progress, delta("Hel\"lo"), "");
  BOOST_TEST(
      out ==
      chat_chunk(R"({"index":2,"delta":{"role":"assistant","content":""},"logprobs":null,"finish_reason":null})") +
          chat_chunk(R"({"index":2,"delta":{"content":"Hel\"lo"},"logprobs":null,"finish_reason":null})"));
  out.clear();
  events.append_delta(out, 2, progress, delta(""), "");
  BOOST_TEST(out.empty());
  events.append_delta(out, 2, progress, delta("!", finish_reason::length), "");
  BOOST_TEST(out == chat_chunk(R"({"index":2,"delta":{"content":"!"},"logprobs":null,"finish_reason":null})") +
                        chat_chunk(R"({"index":2,"delta":{},"logprobs":null,"finish_reason":"length"})"));
  out.clear();
  events.append_end(out, {});
  BOOST_TEST(out == "data: [DONE]\n\n");
}

BOOST_AUTO_TEST_CASE(usage_is_null_but_in_the_last_chunk) {
  answer_events events(identity(true, false, true));
  std::vector<choice_progress> progress(1);
  progress[0].at.begun = true;
  std::string out;
  events.append_delta(out, 0, progress, delta("", finish_reason::stop), "");
  events.append_end(out, {.prompt_tokens = 4, .completion_tokens = 6, .cached_tokens = 2});
  BOOST_TEST(
      out ==
      chat_chunk(R"({"index":0,"delta":{},"logprobs":null,"finish_reason":"stop"})", R"(,"usage":null)") +
          chat_chunk(
              "",
              R"(,"usage":{"prompt_tokens":4,"completion_tokens":6,"total_tokens":10,"prompt_tokens_details":{"cached_tokens":2}})") +
          "data: [DONE]\n\n");
}

BOOST_AUTO_TEST_CASE(chat_logprobs_carry_tokens_and_bytes) {
  answer_events events(identity(true, true));
  std::vector<choice_progress> progress(1);
  progress[0].at.begun = true;
  auto held_back = delta("");
  held_back.logprobs = two_tokens;
  std::string out;
  events.append_delta(out, 0, progress, held_back, "");
  BOOST_TEST(out == chat_chunk(R"({"index":0,"delta":{"content":""},"logprobs":{"content":)" +
                               std::string(two_tokens_chat) + R"(,"refusal":null},"finish_reason":null})"));
}

BOOST_AUTO_TEST_CASE(a_completion_stream_carries_text_and_finish_together) {
  answer_events events(identity(false));
  std::vector<choice_progress> progress(3);
  std::string out;
  events.append_delta(out, 0, progress, delta("b"), "a");
  BOOST_TEST(out == text_chunk(R"({"index":0,"text":"ab","logprobs":null,"finish_reason":null})"));
  out.clear();
  events.append_delta(out, 0, progress, delta("c", finish_reason::stop), "a");
  BOOST_TEST(out == text_chunk(R"({"index":0,"text":"c","logprobs":null,"finish_reason":"stop"})"));
}

BOOST_AUTO_TEST_CASE(completion_logprobs_are_columns_with_offsets_in_characters) {
  completion_logprobs columns(3);
  columns.add(two_tokens);
  const std::vector<token_logprob> more{
      {.id = 1, .bytes = "\x9C", .logprob = -1, .top = {{1, "x", -1.0F}, {2, "x", -2.0F}}},
      {.id = 1, .bytes = "z", .logprob = -1, .top = {}}};
  columns.add(more);
  std::string out;
  columns.append_to(out);
  // The second token begins a character that the third ends.
  BOOST_TEST(out ==
             R"({"tokens":["a","bytes:\\xe2\\x80","bytes:\\x9c","z"],"token_logprobs":[-0.5,-9999,-1,-1],)"
             R"("top_logprobs":[{"a":-0.5,"b":-1.25},{"bytes:\\xe2\\x80":-9999},{"x":-1,"bytes:\\x9c":-1},{"z":-1}],)"
             R"("text_offset":[3,4,5,5]})");
  BOOST_TEST(columns.characters() == 6u);
}

BOOST_AUTO_TEST_CASE(offsets_go_on_from_chunk_to_chunk) {
  answer_events events(identity(false, true));
  std::vector<choice_progress> progress(3);
  auto piece = delta("\xC3\xA9");
  piece.logprobs = {{.id = 1, .bytes = "\xC3\xA9", .logprob = -1, .top = {}}};
  std::string out;
  events.append_delta(out, 0, progress, piece, "");
  out.clear();
  events.append_delta(out, 0, progress, piece, "");
  BOOST_TEST(
      out ==
      text_chunk(
          "{\"index\":0,\"text\":\"\xC3\xA9\",\"logprobs\":{\"tokens\":[\"\xC3\xA9\"],"
          "\"token_logprobs\":[-1],\"top_logprobs\":[{\"\xC3\xA9\":-1}],\"text_offset\":[1]},\"finish_reason\":null}"));
}

BOOST_AUTO_TEST_CASE(a_chat_answer_is_one_object) {
  collected_answer answer(identity(true), {"", ""});
  answer.add(1, delta("B"));
  answer.add(0, delta("Hel"));
  answer.add(0, delta("lo\n", finish_reason::stop));
  answer.add(1, delta("", finish_reason::length));
  BOOST_TEST(
      answer.text({.prompt_tokens = 9, .completion_tokens = 3}) ==
      R"({"id":"id-1","object":"chat.completion","created":1700000000,"model":"ti\"ny","choices":[)"
      R"({"index":0,"message":{"role":"assistant","content":"Hello\n","refusal":null},"logprobs":null,"finish_reason":"stop"},)"
      R"({"index":1,"message":{"role":"assistant","content":"B","refusal":null},"logprobs":null,"finish_reason":"length"}],)"
      R"("usage":{"prompt_tokens":9,"completion_tokens":3,"total_tokens":12,"prompt_tokens_details":{"cached_tokens":0}}})");
}

BOOST_AUTO_TEST_CASE(collected_logprobs_are_joined) {
  collected_answer chat(identity(true, true), {""});
  auto piece = delta("a");
  piece.logprobs = two_tokens;
  chat.add(0, piece);
  chat.add(0, piece);
  std::string once(two_tokens_chat.substr(1, two_tokens_chat.size() - 2));
  BOOST_TEST(chat.text({}).find(R"("logprobs":{"content":[)" + once + "," + once + R"(],"refusal":null})") !=
             std::string::npos);
  BOOST_TEST(chat.bytes() == 2 * once.size() + 1 + 2);

  collected_answer text(identity(false, true), {"pre"});
  text.add(0, piece);
  auto parsed = parse_json(text.text({}));
  BOOST_REQUIRE(parsed.has_value());
  const auto& choice = parsed->at("choices").at(0);
  BOOST_TEST(choice.at("text").get_string() == "prea");
  BOOST_TEST(choice.at("logprobs").at("text_offset").at(0).as_int64() == 3);
}

BOOST_AUTO_TEST_CASE(an_error_is_openais_object) {
  BOOST_TEST(
      error_object(invalid_value("n", "small")) ==
      R"({"error":{"message":"n must be small","type":"invalid_request_error","param":"n","code":"invalid_value"}})");
  BOOST_TEST(
      error_object(unsupported("tools", "no")) ==
      R"({"error":{"message":"tools is not supported: no","type":"invalid_request_error","param":"tools","code":"unsupported_parameter"}})");
  BOOST_TEST(error_object({{errc::unknown_model, "x"}, "model"}) ==
             R"({"error":{"message":"x","type":"invalid_request_error","param":"model","code":"model_not_found"}})");
  BOOST_TEST(error_object(error{errc::invalid_argument, "bad"}) ==
             R"({"error":{"message":"bad","type":"invalid_request_error","param":null,"code":null}})");
  BOOST_TEST(error_object(error{errc::overloaded, "full"}) ==
             R"({"error":{"message":"full","type":"server_error","param":null,"code":"overloaded"}})");
}

BOOST_AUTO_TEST_CASE(what_went_wrong_inside_is_not_told_to_clients) {
  auto response = error_response({errc::io_failed, "/etc/secret: permission denied"});
  BOOST_TEST(response.status == 500);
  BOOST_TEST(response.body.find("secret") == std::string::npos);
  BOOST_TEST(response.failure->detail.find("secret") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(numbers_are_written_so_that_they_read_back) {
  std::string out;
  append_json_logprob(out, -0.31326166F);
  out += ' ';
  append_json_logprob(out, -1e-7F);
  out += ' ';
  append_json_logprob(out, 0);
  out += ' ';
  append_json_logprob(out, std::numeric_limits<float>::quiet_NaN());
  BOOST_TEST(out == "-0.31326166 -1e-07 0 -9999");
}

BOOST_AUTO_TEST_CASE(a_tokens_bytes_have_a_text) {
  BOOST_TEST(token_text("\xC3\xA9") == "\xC3\xA9");
  BOOST_TEST(token_text("") == "");
  BOOST_TEST(token_text(" \xE2\x80") == "bytes: \\xe2\\x80");
}

}  // namespace
}  // namespace troupe
