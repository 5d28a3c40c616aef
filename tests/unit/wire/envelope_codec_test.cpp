#include "schemas/envelope_codec.hpp"

#include <boost/test/unit_test.hpp>
#include <limits>

namespace troupe {
namespace {

envelope_head some_head() {
  return {.cluster = cluster_key("test"),
          .to = service::group_leader,
          .group = 3,
          .generation = 7,
          .correlation = 11,
          .time_left_ms = 1500,
          .trace = 99};
}

sampling_params some_params() {
  sampling_params p;
  p.temperature = 0.5F;
  p.top_k = 40;
  p.logit_bias = {{5, -100.0F}, {6, 1.5F}};
  p.seed = 0xFFFF'FFFF'FFFF'FFFF;
  p.stream = 2;
  p.ignore_eos = true;
  p.top_logprobs = 3;
  return p;
}

std::vector<envelope_body> every_body() {
  group_process process{.group = 1, .generation = 2, .rank = 3, .pid = 4};
  error why{errc::overloaded, "the queue is full"};
  float none = -std::numeric_limits<float>::infinity();
  return {
      generate{.stream = 1,
               .request_id = "req-\xC3\xA9",
               .prompt = {1, 2, 3},
               .committed = {4},
               .sampling = some_params(),
               .tokens_max = 10,
               .eos = {0, 2},
               .priority = -3,
               .cache_salt = "tenant 3",
               .pooling = pooling_kind::mean},
      cancel_stream{77},
      step_tokens{.step = 5,
                  .tokens = {{.stream = 1,
                              .index = 2,
                              .id = 3,
                              .logprob = none,
                              .top = {{3, -0.5F}, {4, none}},
                              .finish = finish_reason::length,
                              .cached = 48}},
                  .refused = {{9, why}},
                  .embeddings = {{.stream = 6, .values = {0.5F, -1e-30F}, .cached = 16}, {.stream = 7, .values = {1}}}},
      rank_ready{
          .rank = 1, .pid = 2, .fingerprint = "cpu", .kv_pages = 3, .context_max = 4, .weights_bytes = 5, .load_ms = 6},
      rank_failed{1, why},
      rank_leaving{2},
      group_load{.running = 1,
                 .waiting = 2,
                 .waiting_tokens = 3,
                 .kv_pages_used = 4,
                 .kv_pages_total = 5,
                 .sequences_max = 6,
                 .waiting_max = 7,
                 .steps = 8,
                 .prefilled_tokens = 9,
                 .generated_tokens = 10,
                 .preemptions = 11,
                 .step_us_p50 = 12,
                 .step_us_p99 = 13,
                 .kv_pages_cached = 14,
                 .prefix_tokens_queried = 15,
                 .prefix_tokens_hit = 16,
                 .prefix_pages_evicted = 17,
                 .drafted_tokens = 18,
                 .accepted_tokens = 19,
                 .queue_us_p50 = 20,
                 .queue_us_p99 = 21,
                 .busy_us = 22,
                 .model_us = 23},
      heartbeat{5},
      start_group{{0, 1}},
      end_group{},
      host_report{{process}, true, why},
      group_process_exited{process, "signal 9"},
      drain_request{"gateway-0"},
      describe_request{},
      description{{{.depth = 1,
                    .kind = "rank",
                    .name = "0",
                    .state = "ready",
                    .generation = 2,
                    .restarts = 3,
                    .pid = 4,
                    .detail = "x"}},
                  false,
                  error{errc::internal, ""}},
      rank_listening{1, {"10.0.0.1", 4711}},
      group_meeting{.secret = {std::byte{1}, std::byte{255}}, .addresses = {{"10.0.0.1", 4711}, {"fd00::2", 65535}}},
  };
}

BOOST_AUTO_TEST_CASE(what_is_encoded_is_decoded) {
  auto bodies = every_body();
  BOOST_TEST(bodies.size() == std::variant_size_v<envelope_body>);
  for (auto& body : bodies) {
    envelope sent{some_head(), body};
    auto received = decode(encode(sent));
    BOOST_REQUIRE_MESSAGE(received.has_value(), "body " << body.index());
    BOOST_TEST((*received == sent), "body " << body.index());
  }
}

BOOST_AUTO_TEST_CASE(every_role_sends_what_is_its_own_and_nothing_else) {
  auto sends = [](std::string_view role) {
    std::string bodies;
    for (const auto& body : every_body()) bodies += may_send(role, body) ? 'x' : '.';
    return bodies;
  };
  // generate, cancel; five of ranks; heartbeat; start, end; report, exited; drain, describe, description; listening,
  // meeting
  BOOST_TEST(sends("gateway") == "xx.....xxx...xx.x");
  BOOST_TEST(sends("rank") == "..xxxxxx.......x.");
  BOOST_TEST(sends("host") == ".......x..xx..x..");
  BOOST_TEST(sends("ctl") == ".......x....xx...");
  BOOST_TEST(sends("stranger") == ".......x.........");
}

BOOST_AUTO_TEST_CASE(refuses_what_is_not_a_frame) {
  BOOST_TEST(!decode({}));
  std::vector<std::byte> odd(9);
  BOOST_TEST(decode(odd).err().detail.find("multiple of 8") != std::string::npos);
  std::vector<std::byte> noise(64, std::byte{0xA5});
  BOOST_TEST((decode(noise).err().code == errc::corrupt));
}

BOOST_AUTO_TEST_CASE(refuses_every_cut_short_frame) {
  for (auto& body : every_body()) {
    auto bytes = encode({some_head(), body});
    for (size_t size = 0; size < bytes.size(); size += 8) {
      // A cut that drops only zero padding at the end cannot be told; it must still not crash or change another field.
      (void)decode(std::span(bytes).first(size));
    }
    BOOST_TEST(!decode(std::span(bytes).first(8)));
  }
}

BOOST_AUTO_TEST_CASE(refuses_values_that_no_sender_has) {
  auto refused = [](envelope_body body) { return !decode(encode({some_head(), std::move(body)})); };
  generate g{
      .stream = 1, .request_id = "x", .prompt = {1}, .committed = {}, .sampling = {}, .tokens_max = 1, .eos = {}};
  BOOST_TEST(!refused(g));
  auto bad = g;
  bad.sampling.temperature = std::numeric_limits<float>::quiet_NaN();
  BOOST_TEST(refused(bad));
  bad = g;
  bad.sampling.top_p = 0;
  BOOST_TEST(refused(bad));
  bad = g;
  bad.sampling.top_logprobs = 21;
  BOOST_TEST(refused(bad));
  bad = g;
  bad.priority = priority_most + 1;
  BOOST_TEST(refused(bad));
  bad = g;
  bad.cache_salt.assign(cache_salt_bytes_max + 1, 'x');
  BOOST_TEST(refused(bad));
  bad = g;
  bad.pooling = static_cast<pooling_kind>(3);
  BOOST_TEST(refused(bad));
  stream_token token;
  token.finish = static_cast<finish_reason>(9);
  BOOST_TEST(refused(step_tokens{.step = 1, .tokens = {token}, .refused = {}}));
  stream_embedding embedding{.stream = 1, .values = {0, std::numeric_limits<float>::infinity()}, .cached = 0};
  BOOST_TEST(refused(step_tokens{.step = 1, .tokens = {}, .refused = {}, .embeddings = {embedding}}));
  BOOST_TEST(refused(rank_failed{0, error{static_cast<errc>(200), ""}}));
  const rank_endpoint there{"10.0.0.1", 1};
  BOOST_TEST(!refused(rank_listening{0, there}));
  BOOST_TEST(refused(rank_listening{0, {"10.0.0.1", 0}}));
  BOOST_TEST(refused(rank_listening{0, {std::string(65, '1'), 1}}));
  BOOST_TEST(!refused(group_meeting{.secret = {}, .addresses = std::vector(8, there)}));
  BOOST_TEST(refused(group_meeting{.secret = {}, .addresses = std::vector(9, there)}));
  envelope wrong_service{some_head(), heartbeat{}};
  wrong_service.head.to = static_cast<service>(200);
  BOOST_TEST(!decode(encode(wrong_service)));
}

}  // namespace
}  // namespace troupe
