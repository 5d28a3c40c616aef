// HTTP/1.1 as the server speaks it: order, keep-alive, limits, refusals (RFC 9110, RFC 9112).
#include <netinet/in.h>
#include <sys/socket.h>
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

BOOST_AUTO_TEST_CASE(connection_close_is_honoured) {
  raw_client client(port());
  client.send(get("/live", "Connection: close\r\n"));
  auto response = client.read_response();
  BOOST_TEST(response.fields["connection"] == "close");
  BOOST_TEST(client.read_to_end());
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
  client.send("DELETE /v1/models HTTP/1.1\r\nHost: x\r\n\r\n");
  BOOST_TEST(client.read_response().fields["allow"] == "GET, HEAD");
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

// Byte for byte what request_reader refuses is listed in its own test; here the whole way to the client.
BOOST_AUTO_TEST_CASE(malformed_requests_get_an_error_object_and_the_connection_ends) {
  struct malformed {
    std::string request;
    int status;
  };
  const malformed cases[] = {
      {"GET /live HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400},
      {"GET /live HTTP/1.1\r\n\r\n", 400},
      {"GET /live HTTP/1.1\nHost: a\n\n", 400},
      {"GET /live HTTP/1.1\r\nHost: a\r\nB: c\r\n d\r\n\r\n", 400},
      {std::string("GET /live HTTP/1.1\r\nHost: a\r\nB: \0\r\n\r\n", 41), 400},
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

BOOST_AUTO_TEST_CASE(an_idle_connection_is_closed_without_a_word) {
  raw_client client(port());
  client.send(get("/live"));
  client.read_response();
  time.advance(std::chrono::seconds(61));
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

BOOST_AUTO_TEST_CASE(one_connection_too_many_is_told_so) {
  http_server_config config;
  config.limits.connections_max = 2;
  running_server server(config);
  raw_client first(server.port());
  raw_client second(server.port());
  server.events.wait_for("opened", 2);
  raw_client third(server.port());
  auto refused = third.read_response();
  BOOST_TEST(refused.status == 503);
  BOOST_TEST(refused.fields["retry-after"] == "1");
  BOOST_TEST(error_code_of(refused) == "overloaded");
  BOOST_TEST(server.events.count("refused connections") == 1u);
  first.close();
  server.events.wait_for("closed");
  raw_client fourth(server.port());
  fourth.send(running_server::get("/live"));
  BOOST_TEST(fourth.read_response().status == 200);
}

BOOST_AUTO_TEST_CASE(one_address_has_a_bound_of_its_own) {
  http_server_config config;
  config.connections_per_address_max = 1;
  running_server server(config);
  raw_client first(server.port());
  server.events.wait_for("opened");
  raw_client second(server.port());
  BOOST_TEST(second.read_response().status == 503);
  server.events.wait_for("refused address");
}

BOOST_AUTO_TEST_CASE(bodies_have_a_bound_together) {
  http_server_config config;
  config.bodies_bytes_max = 1000;
  running_server server(config);
  server.cluster.script = [](fake_stream& stream) { stream.finish(); };
  auto fits = R"({"model":"tiny","prompt":"a","user":")" + std::string(900, 'x') + "\"}";
  BOOST_TEST(server.ask(running_server::post("/v1/completions", fits)).status == 200);
  BOOST_TEST(server.ask(running_server::post("/v1/completions", fits + std::string(200, ' '))).status == 503);
  BOOST_TEST(server.ask(running_server::post("/v1/completions", fits)).status == 200);
}

BOOST_AUTO_TEST_CASE(an_inherited_socket_is_served) {
  int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in any{};
  any.sin_family = AF_INET;
  any.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  BOOST_REQUIRE(::bind(fd, reinterpret_cast<sockaddr*>(&any), sizeof any) == 0);
  BOOST_REQUIRE(::listen(fd, 8) == 0);
  http_server_config config;
  config.listening_fd = fd;
  running_server server(config);
  BOOST_TEST(server.port() != 0);
  BOOST_TEST(server.ask(running_server::get("/live")).status == 200);
  BOOST_TEST(server.server->address() == "127.0.0.1:" + std::to_string(server.port()));
}

BOOST_AUTO_TEST_CASE(what_cannot_be_listened_on_is_named) {
  running_server server;
  auto start = [&](http_server_config config) {
    return http_server::start(std::move(config), *server.api, server.time, server.random, server.events, server.events);
  };
  http_server_config taken;
  taken.port = server.port();
  auto refused = start(taken);
  BOOST_REQUIRE(!refused.has_value());
  BOOST_TEST(refused.err().detail == "cannot listen on " + server.server->address() + ": Address already in use");
  http_server_config nowhere;
  nowhere.address = "nowhere";
  BOOST_TEST((start(nowhere).err().code == errc::invalid_argument));
  http_server_config file;
  file.listening_fd = 0;
  BOOST_TEST((start(file).err().code == errc::invalid_argument));
}

BOOST_AUTO_TEST_CASE(several_threads_serve_at_once) {
  http_server_config config;
  config.limits.threads = 4;
  running_server server(config);
  server.cluster.script = [](fake_stream& stream) {
    stream.say("x");
    stream.finish();
  };
  std::vector<std::thread> clients;
  std::atomic<int> answered = 0;
  for (int i = 0; i < 8; ++i) {
    clients.emplace_back([&] {
      raw_client client(server.port());
      for (int n = 0; n < 25; ++n) {
        client.send(n % 2 ? running_server::streamed() : running_server::whole());
        if (client.read_response().status == 200) ++answered;
      }
    });
  }
  for (auto& client : clients) client.join();
  BOOST_TEST(answered == 200);
}

}  // namespace
}  // namespace troupe
