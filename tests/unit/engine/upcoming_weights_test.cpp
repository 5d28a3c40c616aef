#include "shards/engine/cpu/upcoming_weights.hpp"

#include <boost/test/unit_test.hpp>
#include <thread>

namespace troupe {
namespace {

struct packed {
  /// One panel of 32 columns is 32 * inputs * 4 bytes.
  packed(uint64_t outputs, uint64_t inputs) : values(outputs * inputs) {
    tensor_view tensor;
    tensor.shape = {outputs, inputs};
    tensor.data = std::as_bytes(std::span(values));
    matrix_source source;
    source.parts = {{&tensor, 0, outputs}};
    source.column_end = inputs;
    auto made = packed_matrix::pack(source, pool, memory);
    BOOST_REQUIRE(made.has_value());
    it = std::move(*made);
  }

  std::vector<float> values;
  worker_pool pool{1};
  memory_arena memory;
  std::unique_ptr<packed_matrix> it;
};

uint64_t calls(upcoming_weights& of, uint32_t thread) {
  uint64_t count = 0;
  while (of.some(thread)) ++count;
  return count;
}

/// Each call fetches so much.
constexpr uint64_t bytes_of_call = 512;

BOOST_AUTO_TEST_CASE(what_came_next_once_is_fetched_the_next_time) {
  const packed a(64, 64), b(320, 64), c(32, 16);
  upcoming_weights upcoming(2);
  BOOST_TEST(!upcoming.some(0));
  upcoming.begins(*a.it);
  upcoming.begins(*b.it);
  upcoming.begins(*c.it);
  BOOST_TEST(!upcoming.some(0));
  upcoming.begins(*a.it);
  // Of 10 panels each thread's share has 5.
  const uint64_t panel = 64 * 32 * sizeof(float);
  BOOST_TEST(calls(upcoming, 0) == 5 * panel / bytes_of_call);
  BOOST_TEST(calls(upcoming, 0) == 0u);
  BOOST_TEST(calls(upcoming, 1) == 5 * panel / bytes_of_call);
  // One panel is the first thread's.
  upcoming.begins(*b.it);
  BOOST_TEST(calls(upcoming, 0) == 16 * 32 * sizeof(float) / bytes_of_call);
  BOOST_TEST(calls(upcoming, 1) == 0u);
}

BOOST_AUTO_TEST_CASE(no_more_is_fetched_than_stays_in_a_cache) {
  const packed a(64, 64), large(1024, 1024);
  upcoming_weights upcoming(1);
  for (const packed* each : {&a, &large, &a}) upcoming.begins(*each->it);
  BOOST_TEST(calls(upcoming, 0) * bytes_of_call == 128u << 10);
}

BOOST_AUTO_TEST_CASE(threads_that_wait_ask_while_products_begin) {
  const packed a(64, 64), b(320, 64);
  upcoming_weights upcoming(2);
  std::atomic<bool> over = false;
  std::thread waits([&] {
    while (!over) upcoming.some(1);
  });
  for (int i = 0; i < 1000; ++i) upcoming.begins(i % 2 == 0 ? *a.it : *b.it);
  over = true;
  waits.join();
  BOOST_TEST(calls(upcoming, 0) > 0u);
}

}  // namespace
}  // namespace troupe
