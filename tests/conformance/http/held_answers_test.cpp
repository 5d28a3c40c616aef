// Answers with an Idempotency-Key over real connections, whose clients come and go while they grow.
#include <thread>

#include "tests/conformance/http/running_server.hpp"

namespace troupe {
namespace {

constexpr int pieces_of_answer = 400;

std::string keyed(const std::string& more = "") {
  return running_server::post("/v1/completions", R"({"model":"tiny","prompt":"a","stream":true})",
                              "Idempotency-Key: k\r\n" + more);
}

/// The texts of the events.
std::string text_of(std::string_view body) {
  std::string text;
  const std::string_view before = "\"text\":\"";
  for (size_t at = body.find(before); at != std::string_view::npos; at = body.find(before, at)) {
    at += before.size();
    text += body.substr(at, body.find('"', at) - at);
  }
  return text;
}

BOOST_FIXTURE_TEST_SUITE(held_answers, running_server)

BOOST_AUTO_TEST_CASE(clients_come_and_go_while_an_answer_grows) {
  std::vector<std::string> texts(4);
  std::vector<std::thread> readers;
  for (std::string& text : texts) {
    readers.emplace_back([&] {
      // Leaves after each few events, and comes back for the rest.
      std::string last;
      for (size_t wanted = 7;; wanted += 31) {
        raw_client client(port());
        client.send(keyed(last.empty() ? "" : "Last-Event-ID: " + last + "\r\n"));
        if (client.read_head().status != 200) break;
        std::string got;
        bool ended = false;
        for (size_t i = 0; i < wanted && !ended; ++i) {
          const std::string event = client.read_until("\n\n");
          ended = event.find("[DONE]") != std::string::npos || event.empty();
          if (const size_t at = event.find("id: "); at != std::string::npos)
            last = event.substr(at + 4, event.find('\n', at) - at - 4);
          got += event;
        }
        text += text_of(got);
        if (ended) break;
        client.close(wanted % 2 == 0);
      }
    });
  }
  const auto stream = cluster.stream(0);
  std::string expected;
  for (int i = 0; i < pieces_of_answer; ++i) {
    const std::string piece = "piece " + std::to_string(i) + " ";
    expected += piece;
    BOOST_REQUIRE(stream->say(piece));
    if (i % 16 == 0) std::this_thread::yield();
  }
  stream->finish();
  for (std::thread& reader : readers) reader.join();
  for (const std::string& text : texts) BOOST_TEST(text == expected);
  BOOST_TEST(cluster.streams() == 1u);
}

BOOST_AUTO_TEST_CASE(fields_that_leave_a_doubt_are_refused) {
  for (const std::string fields : {"Idempotency-Key: k\r\n", "Last-Event-ID: 1;-\r\nLast-Event-ID: 1;-\r\n",
                                   "Last-Event-ID: a b\r\n", "Last-Event-ID:\r\n"})
    BOOST_TEST(ask(keyed(fields)).status == 400, fields);
  BOOST_TEST(ask(post("/v1/completions", R"({"model":"tiny","prompt":"a"})", "Idempotency-Key: \xc3\xa9\r\n")).status ==
             400);
  BOOST_TEST(ask(post("/v1/completions", R"({"model":"tiny","prompt":"a"})",
                      "Idempotency-Key: " + std::string(256, 'k') + "\r\n"))
                 .status == 400);
  BOOST_TEST(cluster.streams() == 0u);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace troupe
