#include "actors/group_leader/group_leader.hpp"

#include <boost/test/unit_test.hpp>

#include "tests/actor/actor_world.hpp"

namespace troupe {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

/// Keeps the step that was submitted until the test ends it.
class kept_compute final : public compute {
 public:
  void open(std::optional<group_meeting>, std::function<void(result<compute_facts>)>) override {}
  void submit(step_request request, std::function<void(result<step_result>)> done) override {
    step = std::move(request);
    end_step = std::move(done);
  }
  void follow(std::function<void(error)>) override {}
  uint64_t steps_finished() const override { return 0; }
  void abort(std::string) override {}

  step_result answer(duration took) const {
    step_result result;
    result.number = step.plan.number;
    result.sampled.assign(step.sampling.size(), sampled_token{7, 0, {}});
    result.pooled.assign(step.pooling.size(), {3, 0, -4});
    result.took = took;
    result.in_model = took / 2;
    return result;
  }

  step_request step;
  std::function<void(result<step_result>)> end_step;
};

struct leader_world : actor_world {
  leader_world() : actor_world("rank") {
    group_leader_config c;
    c.group = 0;
    c.generation = 4;
    c.limits = {256, 100, 64, 4, 8, 64};
    c.step_timeout = seconds(1);
    c.on_failure = [this](const error& why) { failures.push_back(why); };
    leader = spawn_group_leader(system, env, std::move(c), device);
    run();
  }

  void ask(generation_number generation, stream_id stream, uint32_t time_left_ms = 0,
           pooling_kind pooling = pooling_kind::none) {
    envelope_head head;
    head.to = service::group_leader;
    head.group = 0;
    head.generation = generation;
    head.time_left_ms = time_left_ms;
    generate wanted;
    wanted.stream = stream;
    wanted.prompt = {1, 2, 3};
    wanted.tokens_max = pooling == pooling_kind::none ? 100 : 0;
    wanted.pooling = pooling;
    receive({"gateway-0", 9, "gateway"}, head, std::move(wanted));
  }

  /// The step that runs ends, after a time on the device that the test's clock does not see.
  void end_step(duration took) {
    std::exchange(device.end_step, nullptr)(device.answer(took));
    run();
  }

  kept_compute device;
  std::vector<error> failures;
  group_leader_actor leader;
};

BOOST_AUTO_TEST_CASE(another_generation_is_refused) {
  leader_world world;
  world.ask(3, 1);
  auto answer = world.take<step_tokens>();
  BOOST_REQUIRE(answer.has_value());
  BOOST_REQUIRE(answer->second.refused.size() == 1u);
  BOOST_TEST((answer->second.refused[0].why.code == errc::fenced));
  BOOST_TEST(!world.device.end_step);
}

BOOST_AUTO_TEST_CASE(a_stream_that_is_asked_for_twice_is_one) {
  leader_world world;
  world.ask(4, 1);
  world.ask(4, 1);
  world.end_step(milliseconds(5));
  BOOST_TEST(world.device.step.plan.sequences.size() == 1u);
  const auto answer = world.take<step_tokens>();
  BOOST_REQUIRE(answer.has_value());
  BOOST_TEST(answer->second.tokens.size() == 1u);
  BOOST_TEST(answer->second.refused.empty());
  BOOST_TEST(!world.take<step_tokens>());
}

BOOST_AUTO_TEST_CASE(a_stream_whose_deadline_passes_in_the_queue_is_refused_and_not_computed) {
  leader_world world;
  world.ask(4, 1);
  world.end_step(milliseconds(5));
  for (stream_id stream = 2; stream <= 4; ++stream) world.ask(4, stream);
  world.end_step(milliseconds(5));
  world.ask(4, 5, 50);  // four run already
  world.pass(milliseconds(60));
  world.end_step(milliseconds(5));
  BOOST_TEST(world.device.step.plan.sequences.size() == 4u);
  std::vector<stream_refused> refused;
  while (auto answer = world.take<step_tokens>()) {
    refused.insert(refused.end(), answer->second.refused.begin(), answer->second.refused.end());
  }
  BOOST_REQUIRE(refused.size() == 1u);
  BOOST_TEST(refused[0].stream == 5u);
  BOOST_TEST((refused[0].why.code == errc::deadline_exceeded));
}

BOOST_AUTO_TEST_CASE(embeddings_are_sent_one_by_one_and_of_length_one) {
  leader_world world;
  world.ask(4, 1, 0, pooling_kind::mean);
  world.ask(4, 2, 0, pooling_kind::last);
  world.end_step(milliseconds(5));
  world.end_step(milliseconds(5));
  for (stream_id stream = 1; stream <= 2; ++stream) {
    auto answer = world.take<step_tokens>();
    BOOST_REQUIRE(answer.has_value());
    BOOST_TEST(answer->first.to == "gateway-0");
    BOOST_TEST(answer->second.tokens.empty());
    BOOST_REQUIRE(answer->second.embeddings.size() == 1u);
    BOOST_TEST(answer->second.embeddings[0].stream == stream);
    BOOST_TEST((answer->second.embeddings[0].values == std::vector<float>{0.6F, 0, -0.8F}));
  }
  BOOST_TEST(!world.take<step_tokens>());
  BOOST_TEST(!world.device.end_step);  // nothing is left to do
}

BOOST_AUTO_TEST_CASE(an_embedding_too_large_for_a_message_is_refused) {
  leader_world world;
  world.wire.frame_bytes_max = 500;
  world.ask(4, 1, 0, pooling_kind::mean);
  std::exchange(world.device.end_step, nullptr)([&] {
    auto result = world.device.answer(milliseconds(5));
    result.pooled.assign(1, std::vector<double>(200, 1));
    return result;
  }());
  world.run();
  auto answer = world.take<step_tokens>();
  BOOST_REQUIRE(answer.has_value());
  BOOST_REQUIRE(answer->second.refused.size() == 1u);
  BOOST_TEST(answer->second.refused[0].stream == 1u);
  BOOST_TEST((answer->second.refused[0].why.code == errc::not_supported));
  BOOST_TEST(world.wire.disconnected.empty());
}

BOOST_AUTO_TEST_CASE(a_step_that_hangs_ends_the_group_though_no_collective_says_so) {
  leader_world world;
  world.ask(4, 1);
  BOOST_REQUIRE(world.device.end_step);
  BOOST_TEST((world.device.step.deadline == seconds(30)));  // the first step of all
  world.end_step(milliseconds(5));
  BOOST_TEST((world.device.step.deadline == seconds(1)));
  world.pass(milliseconds(1100));
  BOOST_TEST(world.failures.empty());
  world.pass(milliseconds(300));
  BOOST_REQUIRE(world.failures.size() == 1u);
  BOOST_TEST((world.failures[0].code == errc::deadline_exceeded));
  world.pass(seconds(5));
  world.end_step(milliseconds(5));  // too late: nobody gets its tokens
  BOOST_TEST(world.failures.size() == 1u);
  BOOST_TEST(world.take<step_tokens>().has_value());  // of the first step
  BOOST_TEST(!world.take<step_tokens>().has_value());
}

BOOST_AUTO_TEST_CASE(time_without_a_step_is_not_counted_as_busy) {
  leader_world world;
  world.post.on_up({"gateway-0", 9, "gateway"});
  world.pass(milliseconds(20));
  world.ask(4, 1);
  world.pass(milliseconds(30));
  world.end_step(milliseconds(24));
  world.pass(milliseconds(10));
  world.end_step(milliseconds(8));
  group_load load;
  world.pass(milliseconds(100));
  while (auto report = world.take<group_load>()) load = report->second;
  BOOST_TEST(load.busy_us == 40'000u);
  BOOST_TEST(load.model_us == 16'000u);
}

BOOST_AUTO_TEST_CASE(steps_of_a_slow_model_may_take_ten_times_as_long_as_they_do) {
  leader_world world;
  world.ask(4, 1);
  world.end_step(milliseconds(800));
  BOOST_TEST((world.device.step.deadline == seconds(8)));
  world.pass(seconds(7));
  BOOST_TEST(world.failures.empty());
}

}  // namespace
}  // namespace troupe
