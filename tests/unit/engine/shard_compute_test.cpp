#include "actors/outside/compute/shard_compute.hpp"

#include <poll.h>

#include <boost/test/unit_test.hpp>
#include <cerrno>
#include <future>

#include "shards/sampling/sampler.hpp"
#include "tests/unit/engine/random_model.hpp"
#include "tests/unit/engine/test_group.hpp"

namespace troupe {
namespace {

using namespace troupe::test;

const system_clock real_time;

shard_compute_config config_for(const group_options& options, uint32_t rank, int fd) {
  return {.shard = config_of(options, rank), .shared_memory_fd = fd, .generation = 2};
}

std::future<result<compute_facts>> open(compute& it, std::optional<group_meeting> meeting = std::nullopt) {
  auto promise = std::make_shared<std::promise<result<compute_facts>>>();
  it.open(std::move(meeting), [promise](result<compute_facts> facts) { promise->set_value(std::move(facts)); });
  return promise->get_future();
}

std::future<result<step_result>> submit(compute& it, step_request request) {
  auto promise = std::make_shared<std::promise<result<step_result>>>();
  it.submit(std::move(request), [promise](result<step_result> done) { promise->set_value(std::move(done)); });
  return promise->get_future();
}

std::future<error> follow(compute& it) {
  auto promise = std::make_shared<std::promise<error>>();
  it.follow([promise](error why) { promise->set_value(std::move(why)); });
  return promise->get_future();
}

step_request request_for(uint64_t number, uint32_t position, std::vector<token_id> tokens,
                         const std::vector<token_id>& prompt) {
  const auto params = std::make_shared<sampling_params>();
  params->seed = 5;
  params->top_logprobs = 2;
  const size_t positions = position + tokens.size();
  return {.plan = {.number = number,
                   .sequences = {{.first_position = position,
                                  .tokens = std::move(tokens),
                                  .pages = pages_for(positions),
                                  .wants_logits = true}}},
          .sampling = {{.sequence = 0,
                        .params = params,
                        .ids = std::make_shared<std::vector<token_id>>(prompt),
                        .prompt_tokens = static_cast<uint32_t>(prompt.size())}},
          .deadline = std::chrono::minutes(1)};
}

/// Sixteen tokens, one step after the other.
std::vector<token_id> generate(compute& leader, const std::vector<token_id>& prompt) {
  std::vector<token_id> tokens;
  for (uint32_t i = 0; i < 16; ++i) {
    const auto position = i == 0 ? 0 : static_cast<uint32_t>(prompt.size()) + i - 1;
    const auto done =
        submit(leader, request_for(i + 1, position, i == 0 ? prompt : std::vector{tokens.back()}, prompt)).get();
    BOOST_REQUIRE_MESSAGE(done.has_value(), (done ? "" : done.err().detail));
    BOOST_REQUIRE(done->sampled.size() == 1u);
    BOOST_TEST(done->number == i + 1);
    BOOST_TEST(done->sampled[0].top.size() == 2u);
    tokens.push_back(done->sampled[0].id);
  }
  return tokens;
}

BOOST_AUTO_TEST_CASE(generates_the_same_tokens_alone_and_in_a_group) {
  const temporary_folder folder;
  const random_model_shape shape{.seed = 21};
  write_random_model(shape, folder.path());
  const std::vector<token_id> prompt = random_tokens(20, shape.vocab_size, 3);

  const group_options alone{.folder = folder.path()};
  const auto single = make_shard_compute(config_for(alone, 0, -1), real_time);
  const auto facts = open(*single).get();
  BOOST_REQUIRE(facts.has_value());
  BOOST_TEST(facts->vocab_size == shape.vocab_size);
  BOOST_TEST(facts->kv_pages == 64u);
  const std::vector<token_id> expected = generate(*single, prompt);
  BOOST_TEST(single->steps_finished() == 16u);

  const group_options pair{.folder = folder.path(), .tp = 2};
  BOOST_TEST(shard_compute_memory_bytes(config_of(alone, 0)).value() == 0u);
  const shared_memory memory(shard_compute_memory_bytes(config_of(pair, 0)).value());
  const auto leader = make_shard_compute(config_for(pair, 0, memory.fd()), real_time);
  auto follower = make_shard_compute(config_for(pair, 1, memory.fd()), real_time);
  auto leader_opened = open(*leader);
  auto follower_opened = open(*follower);
  BOOST_REQUIRE(leader_opened.get().has_value());
  BOOST_TEST(follower_opened.get().value().fingerprint == facts->fingerprint);
  auto ended = follow(*follower);
  BOOST_TEST(generate(*leader, prompt) == expected, boost::test_tools::per_element());

  // One that goes takes the group with it.
  leader->abort("the group is replaced");
  const error why = ended.get();
  BOOST_TEST((why.code == errc::aborted));
  BOOST_TEST(why.detail == "the group is replaced (said rank 0)");
  BOOST_TEST(follower->steps_finished() == 16u);
  BOOST_TEST((submit(*leader, request_for(17, 0, prompt, prompt)).get().err().code == errc::aborted));
}

BOOST_AUTO_TEST_CASE(a_group_on_several_hosts_generates_the_same_tokens_and_then_nobody_listens) {
  const temporary_folder folder;
  const random_model_shape shape{.seed = 28};
  write_random_model(shape, folder.path());
  const std::vector<token_id> prompt = random_tokens(20, shape.vocab_size, 3);
  const auto single = make_shard_compute(config_for({.folder = folder.path()}, 0, -1), real_time);
  BOOST_REQUIRE(open(*single).get().has_value());
  const std::vector<token_id> expected = generate(*single, prompt);

  group_meeting meeting{.secret = {std::byte{1}, std::byte{2}}, .addresses = {}};
  std::vector<std::unique_ptr<compute>> ranks;
  for (uint32_t rank = 0; rank < 4; ++rank) {
    listener here = listen_here();
    meeting.addresses.push_back({here.address.host, here.address.port});
    auto config = config_for({.folder = folder.path(), .tp = 4}, rank, -1);
    config.listening_socket = std::move(here.socket);
    ranks.push_back(make_shard_compute(std::move(config), real_time));
  }
  std::vector<std::future<result<compute_facts>>> opened;
  for (const auto& rank : ranks) opened.push_back(open(*rank, meeting));
  for (auto& each : opened) BOOST_REQUIRE(each.get().has_value());
  std::vector<std::future<error>> ended;
  for (uint32_t rank = 1; rank < 4; ++rank) ended.push_back(follow(*ranks[rank]));
  BOOST_TEST(generate(*ranks[0], prompt) == expected, boost::test_tools::per_element());
  for (const auto& [host, port] : meeting.addresses) {
    auto begun = tcp::begin_connect(*tcp::resolve({host, port}));
    if (!begun) continue;
    tcp::wait_for_event(begun->get(), POLLOUT, std::chrono::minutes(1));
    BOOST_TEST(tcp::connect_error(begun->get()) == ECONNREFUSED);
  }
  ranks[2]->abort("its host is going down");
  for (auto& each : ended) BOOST_TEST(each.get().detail == "its host is going down (said rank 2)");
}

BOOST_AUTO_TEST_CASE(a_rank_that_is_told_of_another_group_is_refused) {
  const temporary_folder folder;
  write_random_model({.seed = 29}, folder.path());
  listener here = listen_here();
  group_meeting meeting{.secret = {std::byte{1}}, .addresses = {}};
  for (int rank = 0; rank < 2; ++rank) meeting.addresses.push_back({here.address.host, here.address.port});
  auto for_leader = config_for({.folder = folder.path(), .tp = 2}, 0, -1);
  for_leader.listening_socket = std::move(here.socket);
  const auto leader = make_shard_compute(std::move(for_leader), real_time);
  const auto follower = make_shard_compute(config_for({.folder = folder.path(), .tp = 2}, 1, -1), real_time);
  auto leader_opened = open(*leader, meeting);
  meeting.secret = {std::byte{2}};
  const auto refused = open(*follower, meeting).get();
  BOOST_REQUIRE(!refused);
  BOOST_TEST((refused.err().code == errc::conflict));
  BOOST_TEST(refused.err().detail.ends_with("it does not know this group's secret"), refused.err().detail);
  leader->abort("the test has ended");
  BOOST_TEST((leader_opened.get().err().code == errc::aborted));
  // An address of another rank is missing.
  meeting.addresses.pop_back();
  const auto lonely = make_shard_compute(config_for({.folder = folder.path(), .tp = 2}, 1, -1), real_time);
  BOOST_TEST((open(*lonely, meeting).get().err().code == errc::invalid_argument));
}

BOOST_AUTO_TEST_CASE(the_token_is_the_samplers_for_the_position_after_the_last) {
  const temporary_folder folder;
  const random_model_shape shape{.seed = 22};
  write_random_model(shape, folder.path());
  const std::vector<token_id> prompt = random_tokens(20, shape.vocab_size, 3);
  test_group group({.folder = folder.path()});
  std::vector<float> logits = run_in_chunks(group, prompt, {20}).front();
  const step_request request = request_for(1, 0, prompt, prompt);
  const sampled expected = sample(logits, *request.sampling[0].params, prompt, {}, 20).value();

  const auto single = make_shard_compute(config_for({.folder = folder.path()}, 0, -1), real_time);
  BOOST_REQUIRE(open(*single).get().has_value());
  const auto done = submit(*single, request).get();
  BOOST_REQUIRE(done.has_value());
  BOOST_TEST(done->sampled[0].id == expected.id);
  BOOST_TEST(done->sampled[0].logprob == expected.logprob);
}

BOOST_AUTO_TEST_CASE(sampling_tasks_that_match_no_row_are_refused_and_the_group_goes_on) {
  const temporary_folder folder;
  write_random_model({.seed = 23}, folder.path());
  const auto single = make_shard_compute(config_for({.folder = folder.path()}, 0, -1), real_time);
  BOOST_REQUIRE(open(*single).get().has_value());
  const step_request good = request_for(1, 0, {1, 2}, {1, 2});
  step_request bad = good;
  bad.sampling[0].sequence = 1;
  BOOST_TEST((submit(*single, bad).get().err().code == errc::invalid_argument));
  bad = good;
  bad.plan.sequences[0].wants_logits = false;
  BOOST_TEST((submit(*single, bad).get().err().code == errc::invalid_argument));
  bad = good;
  bad.sampling.push_back(bad.sampling[0]);
  BOOST_TEST((submit(*single, bad).get().err().code == errc::invalid_argument));
  bad = good;
  bad.sampling[0].params = nullptr;
  BOOST_TEST((submit(*single, bad).get().err().code == errc::invalid_argument));
  BOOST_TEST(submit(*single, good).get().has_value());
}

BOOST_AUTO_TEST_CASE(a_rank_that_cannot_load_ends_the_others_wait) {
  const temporary_folder folder;
  write_random_model({.seed = 24}, folder.path());
  const group_options pair{.folder = folder.path(), .tp = 2};
  const shared_memory memory(shard_compute_memory_bytes(config_of(pair, 0)).value());
  shard_compute_config without_pages = config_for(pair, 1, memory.fd());
  without_pages.shard.kv_pages = 0;
  const auto leader = make_shard_compute(config_for(pair, 0, memory.fd()), real_time);
  const auto follower = make_shard_compute(std::move(without_pages), real_time);
  auto leader_opened = open(*leader);
  auto follower_opened = open(*follower);
  BOOST_TEST((follower_opened.get().err().code == errc::invalid_argument));
  const auto refused = leader_opened.get();
  BOOST_REQUIRE(!refused);
  BOOST_TEST(refused.err().detail.find("no page of keys and values fits") != std::string::npos, refused.err().detail);
  BOOST_TEST(!submit(*leader, request_for(1, 0, {1}, {1})).get());
}

BOOST_AUTO_TEST_CASE(ranks_with_different_weights_refuse_each_other) {
  const temporary_folder one;
  const temporary_folder two;
  write_random_model({.seed = 25}, one.path());
  write_random_model({.seed = 26}, two.path());
  const shared_memory memory(shard_compute_memory_bytes(config_of({.folder = one.path(), .tp = 2}, 0)).value());
  const auto leader = make_shard_compute(config_for({.folder = one.path(), .tp = 2}, 0, memory.fd()), real_time);
  const auto follower = make_shard_compute(config_for({.folder = two.path(), .tp = 2}, 1, memory.fd()), real_time);
  auto leader_opened = open(*leader);
  auto follower_opened = open(*follower);
  const auto first = leader_opened.get();
  const auto second = follower_opened.get();
  BOOST_REQUIRE(!first);
  BOOST_REQUIRE(!second);
  BOOST_TEST(first.err().detail.find("do not agree on the model") != std::string::npos, first.err().detail);
}

BOOST_AUTO_TEST_CASE(its_end_ends_whatever_runs) {
  const temporary_folder folder;
  write_random_model({.seed = 27}, folder.path());
  const group_options pair{.folder = folder.path(), .tp = 2};
  const shared_memory memory(shard_compute_memory_bytes(config_of(pair, 0)).value());
  // While it waits for a peer that never comes.
  auto lonely = make_shard_compute(config_for(pair, 0, memory.fd()), real_time);
  auto opened = open(*lonely);
  lonely.reset();
  BOOST_TEST((opened.get().err().code == errc::aborted));

  // While it follows.
  const shared_memory fresh(shard_compute_memory_bytes(config_of(pair, 0)).value());
  auto leader = make_shard_compute(config_for(pair, 0, fresh.fd()), real_time);
  auto follower = make_shard_compute(config_for(pair, 1, fresh.fd()), real_time);
  auto leader_opened = open(*leader);
  auto follower_opened = open(*follower);
  BOOST_REQUIRE(leader_opened.get().has_value());
  BOOST_REQUIRE(follower_opened.get().has_value());
  auto ended = follow(*follower);
  follower.reset();
  BOOST_TEST((ended.get().code == errc::aborted));

  // Never opened.
  make_shard_compute(config_for(pair, 0, fresh.fd()), real_time).reset();
}

}  // namespace
}  // namespace troupe
