#include "gateway/http/client_exchange.hpp"

#include <boost/test/unit_test.hpp>

#include "gateway/http/server_context.hpp"

namespace troupe {
namespace {

struct work_log {
  int resumed = 0;
  int destroyed = 0;
};

class logged_work final : public running_request {
 public:
  explicit logged_work(work_log& log) : log_(log) {}
  ~logged_work() override { ++log_.destroyed; }
  void resume() override { ++log_.resumed; }

 private:
  work_log& log_;
};

struct exchange_fixture {
  int wakes = 0;
  work_log log;
  std::unique_ptr<client_exchange> exchange = std::make_unique<client_exchange>([this] { ++wakes; }, 100, true);
  std::string events = std::string(40, 'e');
};

BOOST_FIXTURE_TEST_SUITE(client_exchanges, exchange_fixture)

BOOST_AUTO_TEST_CASE(events_that_wait_leave_as_one_chunk) {
  BOOST_TEST(exchange->write_events("data: a\n\n"));
  BOOST_TEST(exchange->write_events("data: b\n\n"));
  BOOST_TEST(wakes == 1);
  auto taken = exchange->take();
  BOOST_TEST(taken.events.substr(taken.events_at) == "12\r\ndata: a\n\ndata: b\n\n\r\n");
  BOOST_TEST(taken.streaming);
  BOOST_TEST(!taken.ended);
  BOOST_TEST(exchange->write_events("x"));
  BOOST_TEST(wakes == 2);
}

BOOST_AUTO_TEST_CASE(the_buffer_is_bounded_until_bytes_are_written) {
  exchange->started(std::make_unique<logged_work>(log));
  BOOST_TEST(exchange->write_events(events));
  auto taken = exchange->take();  // Taken is not written.
  BOOST_TEST(exchange->write_events(events.substr(0, 20)));
  BOOST_TEST(!exchange->write_events(events));
  BOOST_TEST(log.resumed == 0);
  exchange->written(10);
  BOOST_TEST(log.resumed == 0);
  exchange->written(taken.events.size() - taken.events_at - 10);
  BOOST_TEST(log.resumed == 1);
  BOOST_TEST(exchange->write_events(events));
}

BOOST_AUTO_TEST_CASE(what_was_written_is_free_again_to_the_last_byte) {
  exchange->started(std::make_unique<logged_work>(log));
  // Chunks whose heads have one, two and three digits.
  for (size_t size : {5, 40, 300}) {
    for (int i = 0; i < 1000; ++i) {
      BOOST_REQUIRE(exchange->write_events(std::string(size, 'x')));
      auto taken = exchange->take();
      exchange->written(taken.events.size() - taken.events_at);
    }
  }
  BOOST_TEST(exchange->write_events(std::string(90, 'x')));
  BOOST_TEST(log.resumed == 0);
}

BOOST_AUTO_TEST_CASE(work_that_arrives_after_the_refusal_is_resumed_too) {
  BOOST_TEST(exchange->write_events(std::string(90, 'x')));
  auto taken = exchange->take();
  BOOST_TEST(!exchange->write_events(events));
  exchange->written(taken.events.size() - taken.events_at);
  BOOST_TEST(wakes == 1);
  exchange->started(std::make_unique<logged_work>(log));
  BOOST_TEST(wakes == 2);
  exchange->take();
  BOOST_TEST(log.resumed == 1);
}

BOOST_AUTO_TEST_CASE(an_event_larger_than_the_buffer_goes_alone) {
  BOOST_TEST(exchange->write_events(std::string(500, 'x')));
  BOOST_TEST(!exchange->write_events("y"));
}

BOOST_AUTO_TEST_CASE(the_last_events_are_always_taken) {
  BOOST_TEST(exchange->write_events(std::string(100, 'x')));
  exchange->end_events("data: [DONE]\n\n", {.prompt_tokens = 1, .completion_tokens = 2}, std::nullopt);
  auto taken = exchange->take();
  BOOST_TEST(taken.ended);
  BOOST_TEST(taken.usage.completion_tokens == 2u);
  BOOST_TEST(taken.events.ends_with("data: [DONE]\n\n\r\n"));
}

BOOST_AUTO_TEST_CASE(closing_destroys_the_work_and_swallows_the_rest) {
  exchange->started(std::make_unique<logged_work>(log));
  exchange->close();
  BOOST_TEST(log.destroyed == 1);
  BOOST_TEST(exchange->write_events(std::string(1000, 'x')));
  exchange->respond({});
  exchange->end_events("", {}, std::nullopt);
  exchange->started(std::make_unique<logged_work>(log));
  BOOST_TEST(log.destroyed == 2);
  BOOST_TEST(wakes == 0);
}

BOOST_AUTO_TEST_CASE(a_response_is_given_once) {
  exchange->respond({.status = 404});
  exchange->respond({.status = 500});
  auto taken = exchange->take();
  BOOST_TEST(taken.response->status == 404);
  BOOST_TEST(taken.ended);
  BOOST_TEST(!exchange->take().response.has_value());
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_CASE(connections_are_counted_against_both_limits) {
  auto a = boost::asio::ip::make_address("10.0.0.1");
  auto b = boost::asio::ip::make_address("10.0.0.2");
  connection_counts counts(3, 2);
  BOOST_TEST((counts.add(a) == connection_place::served));
  BOOST_TEST((counts.add(a) == connection_place::served));
  BOOST_TEST((counts.add(a) == connection_place::refused_by_address));
  BOOST_TEST((counts.add(b) == connection_place::served));
  BOOST_TEST((counts.add(b) == connection_place::refused_by_all));
  counts.remove(a, connection_place::served);
  BOOST_TEST((counts.add(a) == connection_place::served));
  BOOST_TEST(counts.served() == 3u);
  for (size_t i = 2; i < connection_counts::refused_max; ++i)
    BOOST_TEST((counts.add(b) == connection_place::refused_by_all));
  BOOST_TEST((counts.add(b) == connection_place::none));
  counts.remove(b, connection_place::refused_by_all);
  BOOST_TEST((counts.add(b) == connection_place::refused_by_all));
}

BOOST_AUTO_TEST_CASE(leases_of_body_bytes_have_a_sum) {
  std::atomic<uint64_t> used = 0;
  byte_lease first(used, 100);
  BOOST_TEST(first.grow_to(60));
  {
    byte_lease second(used, 100);
    BOOST_TEST(second.grow_to(40));
    BOOST_TEST(!second.grow_to(41));
    byte_lease third = std::move(second);
    BOOST_TEST(!first.grow_to(61));
    BOOST_TEST(third.grow_to(40));
  }
  BOOST_TEST(first.grow_to(100));
  first.release();
  BOOST_TEST(used == 0u);
}

}  // namespace
}  // namespace troupe
