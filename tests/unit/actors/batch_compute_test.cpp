// The batch and the compute's thread at the same time: what they share is written by one while the other rests. Worth
// most under the thread sanitizer.
#include <boost/test/unit_test.hpp>
#include <future>

#include "actors/group_leader/batch.hpp"
#include "actors/outside/compute/shard_compute.hpp"
#include "tests/unit/actors/batch_support.hpp"
#include "tests/unit/engine/random_model.hpp"

namespace troupe::batch_compute_test {
namespace {

using test::key;

generate asks(stream_id stream, uint32_t vocab_size) {
  generate g;
  g.prompt = test::random_tokens(5 + stream % 20, vocab_size, stream % 3);
  g.tokens_max = 12;
  g.sampling.seed = stream;
  g.sampling.frequency_penalty = 0.5F;  // The sampler reads the ids.
  return g;
}

BOOST_AUTO_TEST_CASE(streams_come_and_go_while_their_step_runs) {
  const test::temporary_folder folder;
  const test::random_model_shape shape{.seed = 31};
  test::write_random_model(shape, folder.path());
  const system_clock time;
  const auto device =
      make_shard_compute({.shard = {.model_folder = folder.path(), .kv_pages = 32, .system_root = {}}}, time);
  std::promise<result<compute_facts>> opened;
  device->open(std::nullopt, [&](result<compute_facts> facts) { opened.set_value(std::move(facts)); });
  const auto facts = opened.get_future().get();
  BOOST_REQUIRE(facts.has_value());

  batch_limits limits;
  limits.context_max = facts->context_max;
  limits.vocab_size = facts->vocab_size;
  limits.kv_pages = facts->kv_pages;
  limits.sequences_max = 8;
  limits.draft_tokens_max = 3;
  limits.draft_match_min = 1;
  batch streams(limits);
  stream_id next = 1;
  size_t tokens = 0;
  for (int step = 0; step < 200; ++step) {
    for (; streams.size() < 10; ++next)
      BOOST_REQUIRE(streams.admit(key(next), asks(next, shape.vocab_size)).has_value());
    auto planned = streams.plan();
    BOOST_REQUIRE(planned.has_value());
    std::promise<result<step_result>> stepped;
    device->submit(std::move(*planned), [&](result<step_result> done) { stepped.set_value(std::move(done)); });
    // As messages come while the device works.
    streams.cancel(key(next - 1 - static_cast<stream_id>(step) % 10));
    BOOST_REQUIRE(streams.admit(key(next), asks(next, shape.vocab_size)).has_value());
    ++next;
    auto done = stepped.get_future().get();
    BOOST_REQUIRE_MESSAGE(done.has_value(), (done ? "" : done.err().detail));
    tokens += streams.apply(*done).size();
  }
  BOOST_TEST(tokens > 200u);
}

}  // namespace
}  // namespace troupe::batch_compute_test
