// What no client should send, or not so slowly: it gets OpenAI's error object and does no harm.
#include "tests/conformance/http/running_server.hpp"

namespace troupe {
namespace {

BOOST_FIXTURE_TEST_SUITE(bad_input, running_server)

// Byte for byte what request_reader refuses is listed in its own test; here the whole way to the client.
BOOST_AUTO_TEST_CASE(malformed_requests_get_an_error_object_and_the_connection_ends) {
  using namespace std::string_literals;
  struct malformed {
    std::string request;
    int status;
  };
  const malformed cases[] = {
      {"GET /live HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400},
      {"GET /live HTTP/1.1\r\n\r\n", 400},
      {"GET /live HTTP/1.1\nHost: a\n\n", 400},
      {"GET /live HTTP/1.1\r\nHost: a\r\nB: c\r\n d\r\n\r\n", 400},
      {"GET /live HTTP/1.1\r\nHost: a\r\nB: \0\r\n\r\n"s, 400},
      {"POST /v1/completions HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabc", 400},
      {"POST /v1/completions HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
      {"POST /v1/completions HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nTransfer-Encoding: "
       "chunked\r\n\r\nzz\r\n",
       400},
      {"POST /v1/completions HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Encoding: gzip\r\n"
       "Content-Length: 3\r\n\r\nabc",
       415},
      {"POST /v1/completions HTTP/1.1\r\nHost: a\r\nContent-Type: text/plain\r\nContent-Length: 3\r\n\r\nabc", 415},
      {"POST /v1/completions HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc", 415},
      {"\x16\x03\x01\x02\x01", 400},
      {"GET /" + std::string(20'000, 'a'), 431},
      {"GET / HTTP/1.1\r\nHost: a\r\nB: " + std::string(20'000, 'a') + "\r\n\r\n", 431},
      {"GET / HTTP/1.1\r\nHost: a\r\n" +
           [] {
             std::string fields;
             for (int i = 0; i < 10'000; ++i) fields += "A: b\r\n";
             return fields;
           }() +
           "\r\n",
       431},
  };
  for (const auto& each : cases) {
    BOOST_TEST_CONTEXT(each.request.substr(0, 200)) {
      raw_client client(port());
      client.send(each.request);
      auto response = client.read_response();
      BOOST_TEST(response.status == each.status);
      BOOST_TEST(error_code_of(response).substr(0, 3) != "no ");
      BOOST_TEST(response.fields["connection"] == "close");
      BOOST_TEST(client.read_to_end());
    }
  }
  BOOST_TEST(cluster.streams() == 0u);
}

BOOST_AUTO_TEST_CASE(a_body_that_is_announced_too_large_is_refused_unread) {
  raw_client client(port());
  client.send(
      "POST /v1/completions HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 10485760\r\n\r\n");
  auto response = client.read_response();
  BOOST_TEST(response.status == 413);
  BOOST_TEST(error_code_of(response) == "payload_too_large");
  BOOST_TEST(client.read_to_end());
}

BOOST_AUTO_TEST_CASE(a_client_that_sends_ten_megabytes_gets_to_read_the_refusal) {
  for (std::string framing : {"Content-Length: 10485760\r\n\r\n", "Transfer-Encoding: chunked\r\n\r\nA00000\r\n"}) {
    raw_client client(port());
    client.send("POST /v1/completions HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n" + framing);
    client.send(std::string(10 << 20, ' '));  // The server may close before all is sent.
    auto response = client.read_response();
    BOOST_TEST(response.status == 413);
  }
}

// Refused from its body, a request leaves the connection as it was.
BOOST_AUTO_TEST_CASE(bad_bodies_are_refused_by_name_on_a_connection_that_goes_on) {
  struct bad {
    std::string path;
    std::string body;
    int status;
    std::string param;
    std::string code;
  };
  const std::string chat = "/v1/chat/completions";
  const std::string completions = "/v1/completions";
  std::string long_prompt;
  for (int i = 0; i < 1100; ++i) long_prompt += "word ";
  const bad cases[] = {
      {chat, "", 400, "null", "null"},
      {chat, "{", 400, "null", "null"},
      {chat, "{\"model\":\"tiny\",}", 400, "null", "null"},
      {chat, "{\"model\":\"\xFF\xFE\"}", 400, "null", "null"},
      {chat, R"({"model":"\ud800"})", 400, "null", "null"},
      {chat, std::string(5000, '['), 400, "null", "null"},
      {chat, "[]", 400, "null", "null"},
      {chat, R"({"messages":[]})", 400, "model", "invalid_value"},
      {chat, R"({"model":"gpt-9","messages":[{"role":"user","content":"Hi"}]})", 404, "model", "model_not_found"},
      {chat, R"({"model":"tiny"})", 400, "messages", "invalid_value"},
      {chat, R"({"model":"tiny","messages":[]})", 400, "messages", "invalid_value"},
      {chat, R"({"model":"tiny","messages":"Hi"})", 400, "messages", "invalid_value"},
      {chat, R"({"model":"tiny","messages":[{"role":"user","content":7}]})", 400, "messages[0].content",
       "invalid_value"},
      {chat, R"({"model":"tiny","messages":[{"role":"user","content":"Hi"}],"tools":[{}]})", 400, "tools",
       "unsupported_parameter"},
      {chat, R"({"model":"tiny","messages":[{"role":"user","content":"Hi"}],"max_tokens":99999})", 400, "max_tokens",
       "context_length_exceeded"},
      {chat, R"({"model":"tiny","messages":[{"role":"user","content":")" + long_prompt + R"("}]})", 400, "messages",
       "context_length_exceeded"},
      {completions, R"({"model":"tiny","prompt":")" + long_prompt + R"("})", 400, "prompt", "context_length_exceeded"},
      {completions, R"({"model":"tiny","prompt":"a","temperature":"hot"})", 400, "temperature", "invalid_value"},
      {completions, R"({"model":"tiny","prompt":"a","temperature":1e999})", 400, "null", "null"},
      {completions, R"({"model":"tiny","prompt":"a","n":1000000})", 400, "n", "invalid_value"},
      {completions, R"({"model":"tiny","prompt":"a","suffix":"b"})", 400, "suffix", "unsupported_parameter"},
      {completions, R"({"model":"tiny","prompt":"a","n":1,"best_of":2})", 400, "best_of", "unsupported_parameter"},
  };
  raw_client client(port());
  for (const auto& each : cases) {
    BOOST_TEST_CONTEXT(each.body.substr(0, 100)) {
      client.send(post(each.path, each.body, "x-request-id: bad-1\r\n"));
      auto response = client.read_response();
      BOOST_TEST(response.status == each.status);
      BOOST_TEST(error_code_of(response) == each.code);
      BOOST_TEST(response.fields["content-type"] == "application/json");
      BOOST_TEST(response.fields["x-request-id"] == "bad-1");
      BOOST_TEST(!response.has("connection"));
      auto error = parse_json(response.body)->at("error");
      BOOST_TEST(error.at("type").get_string() == "invalid_request_error");
      BOOST_TEST((error.at("param").is_null() ? "null" : std::string(error.at("param").get_string())) == each.param);
      BOOST_TEST(!error.at("message").get_string().empty());
    }
  }
  BOOST_TEST(cluster.streams() == 0u);
  BOOST_TEST(events.count("opened") == 1u);
}

BOOST_AUTO_TEST_CASE(a_body_may_have_as_many_bytes_as_the_limit_says) {
  cluster.script = [](fake_stream& stream) { stream.finish(); };
  std::string body = R"({"model":"tiny","prompt":"a"})";
  body += std::string((4 << 20) - body.size(), ' ');
  BOOST_TEST(ask(post("/v1/completions", body)).status == 200);
  auto over = ask(post("/v1/completions", body + " "));
  BOOST_TEST(over.status == 413);
  BOOST_TEST(error_code_of(over) == "payload_too_large");
}

BOOST_AUTO_TEST_CASE(a_header_that_does_not_arrive_is_answered_with_408) {
  raw_client client(port());
  client.send("GET /live HTT");
  raw_client other(port());  // Its answer shows that the server has seen the bytes before.
  other.send(get("/live"));
  other.read_response();
  time.advance(std::chrono::seconds(11));
  auto response = client.read_response();
  BOOST_TEST(response.status == 408);
  BOOST_TEST(error_code_of(response) == "request_timeout");
}

BOOST_AUTO_TEST_CASE(a_body_that_drips_is_answered_with_408) {
  raw_client client(port());
  client.send(
      "POST /v1/completions HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nExpect: 100-continue\r\n"
      "Content-Length: 100000\r\n\r\n");
  BOOST_TEST(client.read_response().status == 100);
  client.send(std::string(100, ' '));
  time.advance(std::chrono::seconds(11));
  BOOST_TEST(client.read_response().status == 408);
}

struct one_lane : running_server {
  one_lane() : running_server(config()) {}
  static http_server_config config() {
    http_server_config config;
    config.limits.threads = 1;
    return config;
  }
};

BOOST_FIXTURE_TEST_CASE(a_body_that_arrives_steadily_has_time, one_lane) {
  cluster.script = [](fake_stream& stream) { stream.finish(); };
  std::string body = R"({"model":"tiny","prompt":"a"})";
  body += std::string(100'000 - body.size(), ' ');
  raw_client client(port());
  std::string all = post("/v1/completions", body);
  client.send(std::string_view(all).substr(0, 50'000));  // That buys 10 seconds and one for each 4096 bytes.
  raw_client silent(port());
  silent.send("GET /live HTT");
  ask(get("/live"));  // Its answer shows that the server has seen the bytes before.
  time.advance(std::chrono::seconds(20));
  BOOST_TEST(silent.read_response().status == 408);  // By a sweep over both, which let the steady one be.
  client.send(std::string_view(all).substr(50'000));
  BOOST_TEST(client.read_response().status == 200);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace troupe
