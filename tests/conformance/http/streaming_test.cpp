// Streams: framing, bounds, slow and vanishing clients, drain.
#include <thread>

#include "tests/conformance/http/running_server.hpp"

namespace troupe {
namespace {

// A server whose buffers are small, so that a test fills them quickly.
http_server_config small_buffers() {
  http_server_config config;
  config.limits.stream_buffer_bytes = 16 << 10;
  config.send_buffer_bytes = 4 << 10;
  return config;
}

// Says pieces of 1000 bytes until one is refused; gives how many were taken.
size_t fill(fake_stream& stream) {
  size_t taken = 0;
  while (stream.say(std::string(1000, 'x'))) ++taken;
  return taken;
}

size_t count_pieces(std::string_view body) {
  const std::string piece = "\"" + std::string(1000, 'x') + "\"";
  size_t n = 0;
  for (size_t at = body.find(piece); at != std::string_view::npos; at = body.find(piece, at + 1)) ++n;
  return n;
}

BOOST_FIXTURE_TEST_SUITE(streaming, running_server)

BOOST_AUTO_TEST_CASE(events_arrive_as_they_are_made) {
  raw_client client(port());
  client.send(chat(R"(,"stream":true,"stream_options":{"include_usage":true})"));
  auto stream = cluster.stream(0);
  BOOST_TEST(stream->say("Hel"));
  auto head = client.read_head();
  BOOST_TEST(head.status == 200);
  BOOST_TEST(head.fields["content-type"] == "text/event-stream; charset=utf-8");
  BOOST_TEST(head.fields["transfer-encoding"] == "chunked");
  BOOST_TEST(head.fields["cache-control"] == "no-cache");
  BOOST_TEST(client.read_until("\"Hel\"").find("\"role\":\"assistant\"") != std::string::npos);
  BOOST_TEST(stream->say("lo"));
  client.read_until("\"lo\"");
  stream->finish(2);
  auto rest = client.read_until("0\r\n\r\n");
  BOOST_TEST(rest.find("\"completion_tokens\":2") != std::string::npos);
  BOOST_TEST(rest.find("data: [DONE]\n\n") != std::string::npos);
  client.send(get("/live"));
  BOOST_TEST(client.read_response().status == 200);
  events.wait_for("chat_completions 200");
  BOOST_TEST(stream->cancelled());  // Destroyed when it had ended.
}

BOOST_AUTO_TEST_CASE(each_chunk_holds_whole_events) {
  raw_client client(port());
  client.send(streamed());
  auto stream = cluster.stream(0);
  for (int i = 0; i < 200; ++i) BOOST_TEST(stream->say("piece " + std::to_string(i)));
  stream->finish();
  auto response = client.read_response();
  BOOST_TEST(response.status == 200);
  size_t events_read = 0;
  for (size_t at = 0; at < response.body.size(); ++events_read) {
    BOOST_REQUIRE(response.body.compare(at, 6, "data: ") == 0);
    size_t end = response.body.find("\n\n", at);
    BOOST_REQUIRE(end != std::string::npos);
    at = end + 2;
  }
  BOOST_TEST(events_read == 202u);  // And the finish, and [DONE].
}

BOOST_AUTO_TEST_CASE(an_error_in_mid_stream_is_the_last_event) {
  raw_client client(port());
  client.send(streamed());
  auto stream = cluster.stream(0);
  stream->say("x");
  stream->sink->on_error({errc::outcome_unknown, "node g0r1 is gone"});
  auto response = client.read_response();
  BOOST_TEST(response.status == 200);
  BOOST_TEST(response.body.find("\"code\":\"outcome_unknown\"") != std::string::npos);
  BOOST_TEST(response.body.find("[DONE]") == std::string::npos);
  BOOST_TEST(response.body.find("g0r1") == std::string::npos);
  BOOST_TEST(events.line(0)["detail"] == "node g0r1 is gone");
}

BOOST_AUTO_TEST_CASE(an_error_before_the_stream_is_a_plain_answer) {
  raw_client client(port());
  client.send(streamed());
  cluster.stream(0)->sink->on_error({errc::overloaded, "256 requests wait already"});
  auto response = client.read_response();
  BOOST_TEST(response.status == 503);
  BOOST_TEST(response.fields["retry-after"] == "1");
  BOOST_TEST(response.fields["content-type"] == "application/json");
  BOOST_TEST(error_code_of(response) == "overloaded");
}

// The place of a client that leaves is free within a second; the rest of that second is the actors'.
constexpr std::chrono::milliseconds soon{500};

BOOST_AUTO_TEST_CASE(a_client_that_leaves_a_stream_cancels_it) {
  raw_client client(port());
  client.send(streamed());
  auto stream = cluster.stream(0);
  stream->say("x");
  client.read_until("\"x\"");
  auto left = std::chrono::steady_clock::now();
  client.close();
  stream->wait_until_cancelled();
  BOOST_TEST((std::chrono::steady_clock::now() - left < soon));
  events.wait_for("completions 499");
  BOOST_TEST(events.count("cancelled disconnected") == 1u);
  BOOST_TEST(stream->say("y"));  // Swallowed.
  stream->finish();
}

BOOST_AUTO_TEST_CASE(a_client_that_leaves_before_a_whole_answer_cancels_it) {
  for (bool reset : {false, true}) {
    raw_client client(port());
    client.send(whole());
    auto stream = cluster.stream(reset ? 1 : 0);
    stream->say("x");
    auto left = std::chrono::steady_clock::now();
    client.close(reset);
    stream->wait_until_cancelled();
    BOOST_TEST((std::chrono::steady_clock::now() - left < soon));
    stream->finish();
  }
  events.wait_for("cancelled disconnected", 2);
}

BOOST_AUTO_TEST_CASE(a_client_that_closes_its_half_while_it_waits_has_left) {
  for (size_t i : {0, 1}) {
    raw_client client(port());
    client.send(i == 0 ? streamed() : whole());
    auto stream = cluster.stream(i);
    stream->say("x");
    client.end_output();
    stream->wait_until_cancelled();
    BOOST_TEST(client.read_until("[DONE]").find("[DONE]") == std::string::npos);
  }
  events.wait_for("cancelled disconnected", 2);
}

BOOST_AUTO_TEST_CASE(a_client_that_leaves_cancels_all_its_prompts) {
  raw_client client(port());
  client.send(post("/v1/completions", R"({"model":"tiny","prompt":["a","b","c"],"stream":true})"));
  cluster.stream(2);
  client.close();
  for (size_t i = 0; i < 3; ++i) cluster.stream(i)->wait_until_cancelled();
  events.wait_for("completions 499");
  BOOST_TEST(events.count("completions 499") == 1u);
}

BOOST_AUTO_TEST_CASE(a_pipelining_client_that_leaves_cancels_what_runs_and_starts_nothing_more) {
  raw_client client(port());
  client.send(whole() + whole() + whole());
  auto stream = cluster.stream(0);
  client.close();
  stream->wait_until_cancelled();
  events.wait_for("closed");
  BOOST_TEST(cluster.streams() == 1u);
}

BOOST_AUTO_TEST_CASE(draining_lets_streams_finish_and_closes_the_rest) {
  raw_client idle(port());
  idle.send(get("/live"));
  idle.read_response();
  raw_client client(port());
  client.send(streamed());
  auto stream = cluster.stream(0);
  stream->say("x");
  client.read_until("\"x\"");
  raw_client waiting(port());
  waiting.send(whole());
  auto answer = cluster.stream(1);

  drain(std::chrono::minutes(1));
  BOOST_TEST(idle.read_response().status == 0);
  stream->say("y");
  stream->finish();
  BOOST_TEST(client.read_until("0\r\n\r\n").find("[DONE]") != std::string::npos);
  BOOST_TEST(client.read_to_end());
  client.close();
  answer->finish();
  auto response = waiting.read_response();
  BOOST_TEST(response.status == 200);
  BOOST_TEST(response.fields["connection"] == "close");
  waiting.close();
  BOOST_TEST(wait_until_drained() == 0u);
}

BOOST_AUTO_TEST_CASE(a_request_that_is_half_sent_when_draining_begins_is_answered) {
  cluster.script = [](fake_stream& stream) { stream.finish(); };
  raw_client idle(port());
  idle.send(get("/live"));
  idle.read_response();
  raw_client in_head(port());
  in_head.send("GET /live HTT");
  raw_client in_body(port());
  std::string request = whole();
  in_body.send(std::string_view(request).substr(0, request.size() - 5));
  ask(get("/live"));
  drain(std::chrono::minutes(1));
  BOOST_TEST(idle.read_response().status == 0);
  BOOST_TEST(!can_connect(port()));
  in_head.send("P/1.1\r\nHost: x\r\n\r\n");
  in_body.send(std::string_view(request).substr(request.size() - 5));
  for (auto* client : {&in_head, &in_body}) {
    auto response = client->read_response();
    BOOST_TEST(response.status == 200);
    BOOST_TEST(response.fields["connection"] == "close");
    BOOST_TEST(client->read_to_end());
    client->close();
  }
  BOOST_TEST(wait_until_drained() == 0u);
}

BOOST_AUTO_TEST_CASE(what_has_not_finished_at_the_deadline_is_cut) {
  raw_client client(port());
  client.send(streamed());
  auto stream = cluster.stream(0);
  stream->say("x");
  client.read_until("\"x\"");
  drain(std::chrono::seconds(5));
  time.advance(std::chrono::seconds(6));
  BOOST_TEST(wait_until_drained() == 1u);
  BOOST_TEST(!client.read_to_end());
  stream->wait_until_cancelled();
}

BOOST_AUTO_TEST_CASE(a_server_that_ends_cancels_what_runs) {
  raw_client client(port());
  client.send(streamed());
  auto stream = cluster.stream(0);
  stream->say("x");
  client.read_until("\"x\"");
  server.reset();
  BOOST_TEST(stream->cancelled());
  BOOST_TEST(stream->say("y"));
  stream->finish();
  client.read_to_end();
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_CASE(a_slow_reader_has_a_bounded_buffer_and_misses_nothing) {
  running_server server(small_buffers());
  raw_client client(server.port(), 4 << 10);
  client.send(running_server::streamed());
  auto stream = server.cluster.stream(0);
  size_t taken = fill(*stream);
  // The buffer, and what the kernels hold of two small ones.
  BOOST_TEST(taken >= 8u);
  BOOST_TEST(taken < 60u);
  size_t resumed = 0;
  std::thread reader;
  raw_response response;
  reader = std::thread([&] { response = client.read_response(); });
  while (taken < 500) {
    stream->wait_until_resumed(++resumed);
    taken += fill(*stream);
  }
  stream->wait_until_resumed(++resumed);
  stream->finish();
  reader.join();
  BOOST_TEST(response.status == 200);
  BOOST_TEST(count_pieces(response.body) == taken);
  BOOST_TEST(response.body.ends_with("data: [DONE]\n\n"));
}

BOOST_AUTO_TEST_CASE(draining_waits_for_the_streams_of_every_thread) {
  http_server_config config;
  config.limits.threads = 3;
  running_server server(config);
  std::vector<std::unique_ptr<raw_client>> clients;
  for (size_t i = 0; i < 6; ++i) {
    clients.push_back(std::make_unique<raw_client>(server.port()));
    clients[i]->send(running_server::streamed());
    server.cluster.stream(i)->say("x");
  }
  server.drain(std::chrono::minutes(1));
  for (size_t i = 0; i < 6; ++i) {
    server.cluster.stream(i)->finish();
    BOOST_TEST(clients[i]->read_response().body.ends_with("data: [DONE]\n\n"));
    clients[i]->close();
  }
  BOOST_TEST(server.wait_until_drained() == 0u);
}

BOOST_AUTO_TEST_CASE(a_stream_of_many_small_events_does_not_fill_its_buffer_for_ever) {
  running_server server(small_buffers());
  raw_client client(server.port());
  client.send(running_server::streamed());
  auto stream = server.cluster.stream(0);
  const int pieces = 8000;  // In chunks of one event each: the client has it before the next is said.
  for (int i = 0; i < pieces; ++i) {
    BOOST_REQUIRE(stream->say("p"));
    BOOST_REQUIRE(client.read_until("\"p\"").ends_with("\"p\""));
  }
  stream->finish();
  BOOST_TEST(client.read_until("0\r\n\r\n").find("[DONE]") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_client_that_never_reads_is_cut_and_holds_up_nobody) {
  running_server server(small_buffers());
  raw_client stuck(server.port(), 4 << 10);
  stuck.send(running_server::streamed());
  auto stream = server.cluster.stream(0);
  fill(*stream);

  raw_client other(server.port());
  other.send(running_server::streamed());
  auto second = server.cluster.stream(1);
  second->say("quick");
  other.read_until("\"quick\"");

  server.advance_until("cancelled slow_client", std::chrono::seconds(31));
  stream->wait_until_cancelled();
  BOOST_TEST(!stuck.read_to_end());  // A reset: nothing that could be taken for an end.
  BOOST_TEST(!second->cancelled());
  second->finish();
  BOOST_TEST(other.read_until("0\r\n\r\n").find("[DONE]") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_client_that_never_reads_a_whole_answer_is_cut_too) {
  running_server server(small_buffers());
  raw_client stuck(server.port(), 4 << 10);
  stuck.send(running_server::whole());
  auto stream = server.cluster.stream(0);
  stream->say(std::string(8 << 20, 'x'));
  stream->finish();
  server.advance_until("completions 499", std::chrono::seconds(31));
  BOOST_TEST(!stuck.read_to_end());
}

}  // namespace
}  // namespace troupe
