// HTTP/1.1 as the server speaks it to clients that mean well: order, keep-alive, methods, bodies (RFC 9110, RFC 9112).
#include <zlib.h>

#include "tests/conformance/http/running_server.hpp"

namespace troupe {
namespace {

BOOST_FIXTURE_TEST_SUITE(protocol, running_server)

BOOST_AUTO_TEST_CASE(a_connection_serves_one_request_after_another) {
  raw_client client(port());
  for (int i = 0; i < 3; ++i) {
    client.send(get("/live"));
    auto response = client.read_response();
    BOOST_TEST(response.status == 200);
    BOOST_TEST(response.body == R"({"status":"live"})");
    BOOST_TEST(response.fields["content-type"] == "application/json");
    BOOST_TEST(response.fields["date"] == "Tue, 14 Nov 2023 22:13:21 GMT");
    BOOST_TEST(!response.has("connection"));
  }
  BOOST_TEST(events.count("opened") == 1u);
}

BOOST_AUTO_TEST_CASE(pipelined_requests_are_answered_in_order) {
  raw_client client(port());
  client.send(get("/live") + whole() + get("/v1/models/tiny") + streamed() + get("/nothing") + get("/metrics"));
  BOOST_TEST(client.read_response().body == R"({"status":"live"})");
  auto first = cluster.stream(0);
  first->say("one");
  first->finish();
  auto completion = client.read_response();
  BOOST_TEST(completion.body.find("\"one\"") != std::string::npos);
  BOOST_TEST(client.read_response().body.find("\"tiny\"") != std::string::npos);
  auto second = cluster.stream(1);
  second->say("two");
  second->finish();
  BOOST_TEST(client.read_response().body.ends_with("data: [DONE]\n\n"));
  BOOST_TEST(client.read_response().status == 404);
  BOOST_TEST(client.read_response().body.find("troupe_test 1") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(many_pipelined_requests_do_not_starve_anyone) {
  raw_client client(port());
  std::string all;
  for (int i = 0; i < 500; ++i) all += get("/live", "x-request-id: n" + std::to_string(i) + "\r\n");
  client.send(all);
  for (int i = 0; i < 500; ++i) BOOST_REQUIRE(client.read_response().fields["x-request-id"] == "n" + std::to_string(i));
}

BOOST_AUTO_TEST_CASE(what_is_pipelined_behind_a_long_answer_waits_with_the_client) {
  raw_client client(port());
  std::string all = whole();
  for (int i = 0; i < 1000; ++i) {
    all += get("/live", "x-request-id: n" + std::to_string(i) + "\r\nx-padding: " + std::string(200, 'p') + "\r\n");
  }
  client.send(all);  // Far more than the server reads ahead.
  cluster.stream(0)->say("first");
  cluster.stream(0)->finish();
  BOOST_TEST(client.read_response().body.find("\"first\"") != std::string::npos);
  for (int i = 0; i < 1000; ++i) {
    BOOST_REQUIRE(client.read_response().fields["x-request-id"] == "n" + std::to_string(i));
  }
}

BOOST_AUTO_TEST_CASE(connection_close_is_honoured) {
  raw_client client(port());
  client.send(get("/live", "Connection: close\r\n") + get("/live"));
  auto response = client.read_response();
  BOOST_TEST(response.fields["connection"] == "close");
  BOOST_TEST(client.read_until("HTTP").empty());  // The second is not answered.

  raw_client streaming(port());
  streaming.send(
      post("/v1/completions", R"({"model":"tiny","prompt":"a","stream":true})", "Connection: keep-alive, close\r\n"));
  cluster.stream(0)->finish();
  auto stream = streaming.read_response();
  BOOST_TEST(stream.fields["connection"] == "close");
  BOOST_TEST(stream.body.ends_with("data: [DONE]\n\n"));
  BOOST_TEST(streaming.read_to_end());
}

BOOST_AUTO_TEST_CASE(http_1_0_is_answered_and_closed) {
  raw_client client(port());
  client.send("GET /live HTTP/1.0\r\n\r\n");
  BOOST_TEST(client.read_response().status == 200);
  BOOST_TEST(client.read_to_end());

  raw_client streaming(port());
  std::string body = R"({"model":"tiny","prompt":"a","stream":true})";
  streaming.send("POST /v1/completions HTTP/1.0\r\nContent-Type: application/json\r\nContent-Length: " +
                 std::to_string(body.size()) + "\r\n\r\n" + body);
  cluster.stream(0)->say("x");
  cluster.stream(0)->finish();
  auto response = streaming.read_response();
  BOOST_TEST(!response.has("transfer-encoding"));
  BOOST_TEST(response.body.ends_with("data: [DONE]\n\n"));
}

BOOST_AUTO_TEST_CASE(head_is_get_without_the_body) {
  raw_client client(port());
  client.send("HEAD /live HTTP/1.1\r\nHost: x\r\n\r\n" + get("/live"));
  auto head = client.read_response(true);
  BOOST_TEST(head.status == 200);
  BOOST_TEST(head.fields["content-length"] == "17");
  BOOST_TEST(client.read_response().body == R"({"status":"live"})");
  client.send("HEAD /v1/completions HTTP/1.1\r\nHost: x\r\n\r\n");
  BOOST_TEST(client.read_response(true).status == 405);
  for (std::string path :
       {"/live", "/ready", "/health", "/metrics", "/v1/models", "/v1/models/tiny", "/v1/models/none"}) {
    client.send("HEAD " + path + " HTTP/1.1\r\nHost: x\r\n\r\n" + get(path));
    auto without = client.read_response(true);
    auto with = client.read_response();
    BOOST_TEST_CONTEXT(path) {
      BOOST_TEST(without.status == with.status);
      BOOST_TEST(without.fields["content-length"] == std::to_string(with.body.size()));
      BOOST_TEST(without.fields["content-type"] == with.fields["content-type"]);
    }
  }
}

BOOST_AUTO_TEST_CASE(unknown_routes_and_wrong_methods_keep_the_connection) {
  raw_client client(port());
  client.send(get("/nothing"));
  auto missing = client.read_response();
  BOOST_TEST(missing.status == 404);
  BOOST_TEST(error_code_of(missing) == "unknown_url");
  client.send(get("/v1/chat/completions"));
  auto wrong = client.read_response();
  BOOST_TEST(wrong.status == 405);
  BOOST_TEST(wrong.fields["allow"] == "POST");
  for (std::string method : {"DELETE", "OPTIONS", "PUT", "PATCH", "TRACE", "FROBNICATE"}) {
    client.send(method + " /v1/models HTTP/1.1\r\nHost: x\r\n\r\n" + method +
                " /v1/completions HTTP/1.1\r\nHost: x\r\n\r\n");
    BOOST_TEST_CONTEXT(method) {
      auto readable = client.read_response();
      BOOST_TEST(readable.status == 405);
      BOOST_TEST(readable.fields["allow"] == "GET, HEAD");
      BOOST_TEST(error_code_of(readable) == "method_not_allowed");
      BOOST_TEST(client.read_response().fields["allow"] == "POST");
    }
  }
  client.send("OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n");
  BOOST_TEST(client.read_response().status == 404);
  client.send(get("/live"));
  BOOST_TEST(client.read_response().status == 200);
}

BOOST_AUTO_TEST_CASE(request_ids_are_echoed_or_made) {
  BOOST_TEST(ask(get("/live", "X-Request-Id: mine-1\r\n")).fields["x-request-id"] == "mine-1");
  BOOST_TEST(events.line(0)["request_id"] == "mine-1");
  std::string made = ask(get("/live", "x-request-id: not mine\r\n")).fields["x-request-id"];
  BOOST_TEST(made.starts_with("req_"));
  BOOST_TEST(made.size() == 36u);
  BOOST_TEST(ask(get("/live")).fields["x-request-id"] != made);
  BOOST_TEST(ask(get("/nothing", "x-request-id: mine-2\r\n")).fields["x-request-id"] == "mine-2");
  BOOST_TEST(ask("GET / HTTP/9.9\r\n\r\n").fields["x-request-id"].starts_with("req_"));
  raw_client streaming(port());
  streaming.send(post("/v1/completions", R"({"model":"tiny","prompt":"a","stream":true})", "x-request-id: mine-3\r\n"));
  BOOST_TEST(cluster.stream(0)->request.request_id == "mine-3");
  cluster.stream(0)->finish();
  BOOST_TEST(streaming.read_response().fields["x-request-id"] == "mine-3");
}

BOOST_AUTO_TEST_CASE(a_chunked_body_is_read_however_it_is_cut) {
  const std::string head =
      "POST /v1/completions HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nTransfer-Encoding: "
      "chunked\r\n\r\n";
  cluster.script = [](fake_stream& stream) { stream.finish(); };
  raw_client client(port());
  const std::string all =
      head + "9\r\n{\"model\":\r\n6;a=\"b\"\r\n\"tiny\"\r\n0d\r\n,\"prompt\":\"a\"\r\n1\r\n}\r\n0\r\n\r\n";
  for (char c : all) client.send({&c, 1});
  BOOST_TEST(client.read_response().status == 200);
  client.send(get("/live"));
  BOOST_TEST(client.read_response().status == 200);
}

BOOST_AUTO_TEST_CASE(a_large_body_is_handled_beside_the_lanes) {
  cluster.script = [](fake_stream& stream) { stream.finish(); };
  std::string prompt = R"({"model":"tiny","prompt":"a","user":")" + std::string(1 << 20, 'x') + "\"}";
  raw_client client(port());
  client.send(post("/v1/completions", prompt));
  BOOST_TEST(client.read_response().status == 200);
  client.send(post("/v1/completions", prompt));
  BOOST_TEST(client.read_response().status == 200);
}

BOOST_AUTO_TEST_CASE(one_hundred_continue_comes_before_the_body) {
  cluster.script = [](fake_stream& stream) { stream.finish(); };
  std::string body = R"({"model":"tiny","prompt":"a"})";
  raw_client client(port());
  client.send(
      "POST /v1/completions HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nExpect: 100-continue\r\n"
      "Content-Length: " +
      std::to_string(body.size()) + "\r\n\r\n");
  BOOST_TEST(client.read_response().status == 100);
  client.send(body);
  BOOST_TEST(client.read_response().status == 200);
  // A client that did not wait gets the answer alone.
  client.send(post("/v1/completions", body, "Expect: 100-continue\r\n"));
  BOOST_TEST(client.read_response().status == 200);

  raw_client refused(port());
  refused.send("POST /nothing HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n");
  BOOST_TEST(refused.read_response().status == 404);
}

BOOST_AUTO_TEST_CASE(long_answers_are_compressed_for_those_who_ask) {
  cluster.script = [](fake_stream& stream) {
    stream.say(std::string(5000, 'x'));
    stream.finish();
  };
  std::string body = R"({"model":"tiny","prompt":"a"})";
  auto plain = ask(post("/v1/completions", body));
  BOOST_TEST(!plain.has("content-encoding"));
  BOOST_TEST(plain.fields["vary"] == "Accept-Encoding");
  auto packed = ask(post("/v1/completions", body, "Accept-Encoding: gzip\r\n"));
  BOOST_TEST(packed.fields["content-encoding"] == "gzip");
  BOOST_TEST(packed.body.size() < 1000u);
  std::string out(10'000, '\0');
  z_stream stream{};
  BOOST_REQUIRE(inflateInit2(&stream, 15 + 16) == Z_OK);
  stream.next_in = reinterpret_cast<Bytef*>(packed.body.data());
  stream.avail_in = static_cast<uInt>(packed.body.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  BOOST_TEST(inflate(&stream, Z_FINISH) == Z_STREAM_END);
  out.resize(stream.total_out);
  inflateEnd(&stream);
  BOOST_TEST(out.find(std::string(5000, 'x')) != std::string::npos);

  auto small = ask(get("/live", "Accept-Encoding: gzip\r\n"));
  BOOST_TEST(!small.has("content-encoding"));
  auto streamed_answer =
      ask(post("/v1/completions", R"({"model":"tiny","prompt":"a","stream":true})", "Accept-Encoding: gzip\r\n"));
  BOOST_TEST(!streamed_answer.has("content-encoding"));
}

BOOST_AUTO_TEST_CASE(an_idle_connection_is_closed_without_a_word) {
  raw_client client(port());
  client.send(get("/live"));
  client.read_response();
  advance_until("closed", std::chrono::seconds(61));
  BOOST_TEST(client.read_response().status == 0);
}

BOOST_AUTO_TEST_CASE(bytes_after_the_last_request_do_not_hurt) {
  raw_client client(port());
  client.send(get("/live") + "junk");
  BOOST_TEST(client.read_response().status == 200);
  client.send("\r\n\r\n");
  BOOST_TEST(client.read_response().status == 400);
}

BOOST_AUTO_TEST_CASE(a_client_that_closes_its_half_still_gets_what_needs_no_waiting) {
  raw_client client(port());
  client.send(get("/live") + get("/v1/models"));
  client.end_output();
  BOOST_TEST(client.read_response().status == 200);
  BOOST_TEST(client.read_response().status == 200);
  BOOST_TEST(client.read_to_end());
}

BOOST_AUTO_TEST_CASE(a_request_that_never_becomes_complete_is_logged_too) {
  raw_client client(port());
  client.send(
      "POST /v1/completions HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{");
  client.end_output();
  BOOST_TEST(client.read_to_end());
  BOOST_TEST(events.line(0)["status"] == "499");
  events.wait_for("completions 499");
  BOOST_TEST(events.count("cancelled disconnected") == 0u);  // Nothing was generated.
}

BOOST_AUTO_TEST_CASE(each_request_has_a_line_without_its_content) {
  raw_client client(port());
  client.send(post("/v1/completions?key=hidden", R"({"model":"tiny","prompt":"secret"})"));
  cluster.stream(0)->say("words");
  cluster.stream(0)->finish(7);
  client.read_response();
  auto line = events.line(0);
  BOOST_TEST(line["method"] == "POST");
  BOOST_TEST(line["path"] == "/v1/completions");
  BOOST_TEST(line["status"] == "200");
  BOOST_TEST(line["completion_tokens"] == "7");
  BOOST_TEST(line["bytes"] != "0");
  for (const auto& [key, value] : line) {
    for (auto hidden : {"secret", "words", "hidden"}) BOOST_TEST(value.find(hidden) == std::string::npos);
  }
  events.wait_for("completions 200");
  BOOST_TEST(events.count("generated") == 1u);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace troupe
