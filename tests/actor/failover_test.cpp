// A request, the router and `requests` together: what a client sees while groups come and go. The test plays leaders,
// supervisors and the client.
#include <boost/test/unit_test.hpp>
#include <stdexcept>
#include <utility>

#include "actors/requests/requests.hpp"
#include "actors/router/router.hpp"
#include "base/json.hpp"
#include "shards/tokenizer/tokenizer.hpp"
#include "tests/actor/actor_world.hpp"

namespace troupe {
namespace {

using namespace std::chrono_literals;

class recorded_answer final : public answer_sink {
 public:
  bool on_delta(const answer_delta& delta) override {
    if (breaks) throw std::runtime_error("broken");
    if (full) return false;
    text += delta.text;
    embedding.insert(embedding.end(), delta.embedding.begin(), delta.embedding.end());
    return true;
  }
  void on_end(const answer_usage& u) override {
    ++ends;
    usage = u;
  }
  void on_error(const error& why) override { errors.push_back(why); }

  std::string text;
  std::vector<float> embedding;
  answer_usage usage;
  std::vector<error> errors;
  int ends = 0;
  bool full = false;
  bool breaks = false;
};

std::shared_ptr<const tokenizer> letters() {
  auto json = *parse_json(R"({"model":{"type":"BPE","vocab":{"a":0,"b":1,"c":2,"d":3,"e":4},"merges":[]},
    "pre_tokenizer":{"type":"ByteLevel","add_prefix_space":false,"trim_offsets":true,"use_regex":true},
    "decoder":{"type":"ByteLevel","add_prefix_space":true,"trim_offsets":true,"use_regex":true},"added_tokens":[]})");
  return *tokenizer::parse(json);
}

struct gateway : actor_world {
  std::vector<group_spec> groups;
  status_board board;
  std::shared_ptr<recorded_answer> answer = std::make_shared<recorded_answer>();
  generate_request request;

  gateway() {
    config.hosts.push_back({.name = "h"});
    deployment_config d;
    d.name = "m";
    d.groups = 2;
    config.deployments.push_back(d);
    groups = groups_of(config);
    spawn_requests(system, env, {});
    spawn_router(system, env, {}, groups, board);
    request.model = "m";
    request.prompt = {0, 1};
    request.tokens_max = 5;
  }

  peer_identity leader(group_number group, generation_number generation) const {
    return {groups[group].rank_node(0), generation, "rank"};
  }
  envelope_head from_group(group_number group, generation_number generation, service to) const {
    envelope_head head;
    head.to = to;
    head.group = group;
    head.generation = generation;
    return head;
  }
  void state(group_number group, generation_number generation, group_phase phase, const std::string& bits = "cpu") {
    tell(post.local(service::router), group_state{group, generation, phase, groups[group].rank_node(0), bits, ""});
    run();
  }
  void up(group_number group, generation_number generation, const std::string& bits = "cpu") {
    post.on_up(leader(group, generation));
    run();
    state(group, generation, group_phase::ready, bits);
    report(group, generation, 0, 0);
  }
  void report(group_number group, generation_number generation, uint32_t running, uint64_t steps) {
    group_load load;
    load.sequences_max = 8;
    load.waiting_max = 8;
    load.running = running;
    load.steps = steps;
    receive(leader(group, generation), from_group(group, generation, service::router), load);
  }
  void token(group_number group, generation_number generation, stream_id stream, uint32_t index, token_id id,
             finish_reason finish = finish_reason::none) {
    stream_token t;
    t.stream = stream;
    t.index = index;
    t.id = id;
    t.finish = finish;
    receive(leader(group, generation), from_group(group, generation, service::requests),
            step_tokens{.step = 1, .tokens = {t}, .refused = {}});
  }
  void embedded(group_number group, generation_number generation, stream_id stream, std::vector<float> values) {
    stream_embedding e{.stream = stream, .values = std::move(values), .cached = 1};
    receive(leader(group, generation), from_group(group, generation, service::requests),
            step_tokens{.step = 1, .tokens = {}, .refused = {}, .embeddings = {e}});
  }
  void begin(uint64_t key = 1) {
    begin_request::content content;
    content.key = key;
    content.request = request;
    content.sink = answer;
    content.tokens = letters();
    tell(post.local(service::requests), begin_request{std::make_shared<const begin_request::content>(content)});
    run();
  }
};

BOOST_FIXTURE_TEST_CASE(a_request_is_answered_by_one_group, gateway) {
  up(0, 1);
  begin();
  auto asked = take<generate>();
  BOOST_REQUIRE(asked.has_value());
  BOOST_TEST(asked->first.to == "m-g0-r0");
  BOOST_TEST(asked->first.it.head.time_left_ms == 600'000u);
  auto stream = asked->second.stream;
  stream_token first{.stream = stream, .index = 0, .id = 0, .top = {}, .cached = 1};
  receive(leader(0, 1), from_group(0, 1, service::requests), step_tokens{.step = 1, .tokens = {first}, .refused = {}});
  token(0, 1, stream, 1, 1, finish_reason::stop);
  BOOST_TEST(answer->text == "ab");
  BOOST_TEST(answer->usage.cached_tokens == 1u);
  BOOST_TEST(answer->ends == 1);
  BOOST_TEST(answer->usage.prompt_tokens == 2u);
  BOOST_TEST(answer->usage.completion_tokens == 2u);
  BOOST_TEST(answer->errors.empty());
}

BOOST_FIXTURE_TEST_CASE(a_stream_goes_on_in_another_group_from_its_committed_tokens, gateway) {
  up(0, 1);
  begin();
  auto stream = take<generate>()->second.stream;
  token(0, 1, stream, 0, 0);
  token(0, 1, stream, 1, 1);
  up(1, 4);
  state(0, 2, group_phase::backing_off);
  auto again = take<generate>();
  BOOST_REQUIRE(again.has_value());
  BOOST_TEST(again->first.to == "m-g1-r0");
  BOOST_TEST(again->first.it.head.generation == 4u);
  BOOST_TEST((again->second.committed == std::vector<token_id>{0, 1}));
  // The fenced group wakes up and goes on talking.
  token(0, 1, stream, 2, 4);
  BOOST_TEST(answer->text == "ab");
  BOOST_TEST(metrics.refused["generation"] == 1);
  token(1, 4, stream, 2, 2, finish_reason::length);
  BOOST_TEST(answer->text == "abc");
  BOOST_TEST(answer->ends == 1);
}

BOOST_FIXTURE_TEST_CASE(a_lost_link_moves_the_stream_at_once, gateway) {
  up(0, 1);
  up(1, 1);
  begin();
  auto first = take<generate>();
  group_number other = first->first.to == "m-g0-r0" ? 1 : 0;
  post.on_down(leader(1 - other, 1), {errc::unavailable, "reset"});
  run();
  auto again = take<generate>();
  BOOST_REQUIRE(again.has_value());
  BOOST_TEST(again->first.to == groups[other].rank_node(0));
}

BOOST_FIXTURE_TEST_CASE(a_stream_with_tokens_waits_for_a_group_with_the_same_bits, gateway) {
  up(0, 1, "avx");
  begin();
  auto stream = take<generate>()->second.stream;
  token(0, 1, stream, 0, 0);
  up(1, 1, "cuda");
  state(0, 2, group_phase::backing_off, "avx");
  pass(15s);  // longer than a new stream would wait
  BOOST_TEST(!take<generate>());
  BOOST_TEST(answer->errors.empty());
  up(0, 2, "avx");
  pass(100ms);
  auto again = take<generate>();
  BOOST_REQUIRE(again.has_value());
  BOOST_TEST(again->first.to == "m-g0-r0");
}

BOOST_FIXTURE_TEST_CASE(each_choice_keeps_to_the_bits_of_its_own_first_token, gateway) {
  request.choices = 2;
  up(0, 1, "avx");
  up(1, 1, "cuda");
  begin();
  auto first = take<generate>();
  auto second = take<generate>();
  BOOST_REQUIRE((first && second));
  BOOST_REQUIRE(first->first.to != second->first.to);
  const auto& on_avx = first->first.to == "m-g0-r0" ? first->second : second->second;
  token(0, 1, on_avx.stream, 0, 0);
  state(0, 2, group_phase::backing_off, "avx");
  pass(1s);
  BOOST_TEST(!take<generate>());  // the group that is left computes other bits
  up(0, 2, "avx");
  pass(100ms);
  auto again = take<generate>();
  BOOST_REQUIRE(again.has_value());
  BOOST_TEST(again->second.stream == on_avx.stream);
  BOOST_TEST(again->first.to == "m-g0-r0");
}

BOOST_FIXTURE_TEST_CASE(a_new_stream_is_told_when_no_group_comes, gateway) {
  begin();
  pass(9s);
  BOOST_TEST(answer->errors.empty());
  pass(2s);
  BOOST_REQUIRE(answer->errors.size() == 1u);
  BOOST_TEST((answer->errors[0].code == errc::no_group));
}

BOOST_FIXTURE_TEST_CASE(repeated_and_skipped_tokens_are_not_passed_on, gateway) {
  up(0, 1);
  begin();
  auto stream = take<generate>()->second.stream;
  token(0, 1, stream, 0, 0);
  token(0, 1, stream, 0, 1);
  BOOST_TEST(answer->text == "a");
  token(0, 1, stream, 3, 1);  // two are missing: what is committed is asked for again
  BOOST_TEST(take<cancel_stream>().has_value());
  pass(100ms);
  auto again = take<generate>();
  BOOST_REQUIRE(again.has_value());
  BOOST_TEST((again->second.committed == std::vector<token_id>{0}));
  BOOST_TEST(answer->text == "a");
}

BOOST_FIXTURE_TEST_CASE(a_client_that_leaves_frees_its_stream, gateway) {
  up(0, 1);
  begin();
  auto stream = take<generate>()->second.stream;
  tell(post.local(service::requests), client_gone{1});
  run();
  auto cancelled = take<cancel_stream>();
  BOOST_REQUIRE(cancelled.has_value());
  BOOST_TEST(cancelled->second.stream == stream);
}

BOOST_FIXTURE_TEST_CASE(a_stream_that_no_request_waits_for_is_cancelled_where_it_runs, gateway) {
  up(1, 7);
  token(1, 7, 99, 0, 2);
  const auto cancelled = take<cancel_stream>();
  BOOST_REQUIRE(cancelled.has_value());
  BOOST_TEST(cancelled->first.to == groups[1].rank_node(0));
  BOOST_TEST(cancelled->first.it.head.generation == 7u);
  BOOST_TEST(cancelled->second.stream == 99u);
}

BOOST_FIXTURE_TEST_CASE(a_full_sink_is_offered_the_same_text_again, gateway) {
  up(0, 1);
  begin();
  auto stream = take<generate>()->second.stream;
  answer->full = true;
  token(0, 1, stream, 0, 0);
  token(0, 1, stream, 1, 1);
  BOOST_TEST(answer->text.empty());
  answer->full = false;
  tell(post.local(service::requests), client_resumed{1});
  run();
  BOOST_TEST(answer->text == "ab");
}

BOOST_FIXTURE_TEST_CASE(a_stop_string_ends_the_stream_at_its_leader, gateway) {
  request.stop = {"bc"};
  up(0, 1);
  begin();
  auto stream = take<generate>()->second.stream;
  for (uint32_t i = 0; i < 3; ++i) token(0, 1, stream, i, i);
  BOOST_TEST(answer->text == "a");
  BOOST_TEST(answer->ends == 1);
  BOOST_TEST(take<cancel_stream>().has_value());
}

BOOST_FIXTURE_TEST_CASE(a_request_that_brings_its_groups_down_ends, gateway) {
  begin();
  for (generation_number generation = 1; generation <= 6; ++generation) {
    up(0, generation);
    pass(50ms);
    state(0, generation + 1, group_phase::backing_off);
  }
  BOOST_REQUIRE(answer->errors.size() == 1u);
  BOOST_TEST((answer->errors[0].code == errc::aborted));
}

BOOST_FIXTURE_TEST_CASE(a_request_ends_at_its_deadline, gateway) {
  request.timeout = 2s;
  up(0, 1);
  begin();
  pass(3s);
  BOOST_REQUIRE(answer->errors.size() == 1u);
  BOOST_TEST((answer->errors[0].code == errc::deadline_exceeded));
  BOOST_TEST(take<cancel_stream>().has_value());
}

struct embedding_gateway : gateway {
  embedding_gateway() {
    request.pooling = pooling_kind::mean;
    request.tokens_max = 0;
  }
};

BOOST_FIXTURE_TEST_CASE(an_embedding_is_answered_by_one_group, embedding_gateway) {
  up(0, 1);
  begin();
  auto asked = take<generate>();
  BOOST_REQUIRE(asked.has_value());
  BOOST_TEST((asked->second.pooling == pooling_kind::mean));
  BOOST_TEST(asked->second.tokens_max == 0u);
  embedded(0, 1, asked->second.stream, {0.6F, 0.8F});
  BOOST_TEST((answer->embedding == std::vector<float>{0.6F, 0.8F}));
  BOOST_TEST(answer->ends == 1);
  BOOST_TEST(answer->usage.prompt_tokens == 2u);
  BOOST_TEST(answer->usage.completion_tokens == 0u);
  BOOST_TEST(answer->usage.cached_tokens == 1u);
  BOOST_TEST(!take<cancel_stream>());
  embedded(0, 1, asked->second.stream, {1, 0});
  BOOST_TEST(answer->ends == 1);
}

BOOST_FIXTURE_TEST_CASE(an_embedding_whose_group_dies_is_made_by_another, embedding_gateway) {
  up(0, 1);
  begin();
  auto first = take<generate>();
  up(1, 4);
  state(0, 2, group_phase::backing_off);
  auto again = take<generate>();
  BOOST_REQUIRE(again.has_value());
  BOOST_TEST(again->first.to == "m-g1-r0");
  BOOST_TEST((again->second == first->second));  // the same question, so the same answer
  embedded(0, 1, first->second.stream, {1, 0});  // the fenced group wakes up
  BOOST_TEST(answer->ends == 0);
  BOOST_TEST(metrics.refused["generation"] == 1);
  embedded(1, 4, again->second.stream, {0, 1});
  BOOST_TEST((answer->embedding == std::vector<float>{0, 1}));
  BOOST_TEST(answer->errors.empty());
}

BOOST_FIXTURE_TEST_CASE(an_embedding_that_its_group_refuses_is_tried_elsewhere_or_told, embedding_gateway) {
  up(0, 1);
  begin();
  auto stream = take<generate>()->second.stream;
  auto refuse = [&](errc code) {
    receive(leader(0, 1), from_group(0, 1, service::requests),
            step_tokens{.step = 1, .tokens = {}, .refused = {{stream, {code, "x"}}}});
  };
  refuse(errc::overloaded);
  pass(100ms);
  BOOST_TEST(take<generate>().has_value());
  refuse(errc::not_supported);
  BOOST_REQUIRE(answer->errors.size() == 1u);
  BOOST_TEST((answer->errors[0].code == errc::not_supported));
}

BOOST_FIXTURE_TEST_CASE(tokens_for_an_embedding_and_embeddings_for_a_text_are_not_passed_on, embedding_gateway) {
  up(0, 1);
  begin();
  token(0, 1, take<generate>()->second.stream, 0, 0, finish_reason::stop);
  BOOST_TEST(answer->ends == 0);
  request.pooling = pooling_kind::none;
  request.tokens_max = 5;
  begin(2);
  embedded(0, 1, take<generate>()->second.stream, {1});
  BOOST_TEST(answer->ends == 0);
  BOOST_TEST(answer->embedding.empty());
  BOOST_TEST(metrics.refused["order"] == 2);
}

// That ends the answer: the gateway's sink is an error then (an_answer_that_nobody_can_end_any_more_is_an_error).
BOOST_FIXTURE_TEST_CASE(requests_let_their_sinks_go_when_their_parent_dies, gateway) {
  up(0, 1);
  begin();
  std::weak_ptr<recorded_answer> sink = std::exchange(answer, nullptr);
  BOOST_TEST(!sink.expired());
  caf::anon_send_exit(post.local(service::requests), caf::exit_reason::kill);
  run();
  BOOST_TEST(sink.expired());
}

BOOST_FIXTURE_TEST_CASE(a_request_that_dies_lets_its_sink_go_and_no_other, gateway) {
  up(0, 1);
  begin();
  auto stream = take<generate>()->second.stream;
  auto lives = std::exchange(answer, std::make_shared<recorded_answer>());
  begin(2);
  auto other = take<generate>()->second.stream;
  answer->breaks = true;
  std::weak_ptr<recorded_answer> sink = std::exchange(answer, nullptr);
  token(0, 1, other, 0, 0);
  BOOST_TEST(sink.expired());
  token(0, 1, stream, 0, 0, finish_reason::stop);
  BOOST_TEST(lives->ends == 1);
}

BOOST_FIXTURE_TEST_CASE(a_request_that_comes_after_its_parent_died_lets_its_sink_go, gateway) {
  auto parent = post.local(service::requests);
  caf::anon_send_exit(parent, caf::exit_reason::kill);
  std::weak_ptr<recorded_answer> sink = answer;
  begin();
  answer.reset();
  BOOST_TEST(sink.expired());
}

BOOST_FIXTURE_TEST_CASE(readiness_follows_the_leaders_reports, gateway) {
  pass(100ms);
  BOOST_TEST(!board.read().ready);
  up(0, 1);
  pass(100ms);
  BOOST_TEST(board.read().ready);
  pass(3s);  // its leader says nothing more
  BOOST_TEST(!board.read().ready);
}

BOOST_FIXTURE_TEST_CASE(a_group_whose_steps_stand_still_is_not_ready, gateway) {
  up(0, 1);
  for (uint64_t step = 1; step <= 30; ++step) {
    report(0, 1, 3, step);
    pass(100ms);
  }
  BOOST_TEST(board.read().ready);
  for (int i = 0; i < 30; ++i) {
    report(0, 1, 3, 30);
    pass(100ms);
  }
  BOOST_TEST(!board.read().ready);
  report(0, 1, 3, 31);
  pass(100ms);
  BOOST_TEST(board.read().ready);
}

}  // namespace
}  // namespace troupe
