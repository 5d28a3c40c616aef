#include "actors/outside/compute/step_sampling.hpp"

#include <boost/test/unit_test.hpp>

#include "shards/sampling/sampler.hpp"
#include "tests/unit/engine/random_model.hpp"

namespace troupe {
namespace {

constexpr uint32_t vocab_size = 50;
constexpr uint32_t rows = 5;

/// Rows of logits of a few tokens each that are likely, so that penalties matter.
std::vector<float> some_logits(uint64_t seed) {
  std::vector<float> logits(size_t{rows} * vocab_size);
  for (size_t i = 0; i < logits.size(); ++i) logits[i] = 6 * test::random_value(seed, i);
  return logits;
}

sampling_params penalising(uint64_t seed) {
  sampling_params p;
  p.temperature = 0.8F;
  p.frequency_penalty = 1.5F;
  p.presence_penalty = 0.5F;
  p.repetition_penalty = 1.3F;
  p.top_logprobs = 2;
  p.seed = seed;
  return p;
}

/// A step of one sequence with these guesses; its ids are the prompt and generated ones, all but the last computed.
step_request request_for(const std::vector<token_id>& ids, const std::vector<token_id>& guesses, uint64_t seed) {
  std::vector<token_id> tokens{ids.back()};
  tokens.insert(tokens.end(), guesses.begin(), guesses.end());
  step_request request;
  request.plan.sequences.push_back({.first_position = static_cast<uint32_t>(ids.size() - 1),
                                    .tokens = tokens,
                                    .pages = {0, 1},
                                    .wants_logits = static_cast<uint32_t>(tokens.size())});
  request.sampling.push_back({0, std::make_shared<const sampling_params>(penalising(seed)),
                              std::make_shared<const std::vector<token_id>>(ids), 3});
  return request;
}

/// One token after the other, as without guesses.
std::vector<sampled> one_by_one(std::vector<token_id> ids, uint64_t seed) {
  auto logits = some_logits(seed);
  std::vector<sampled> out;
  for (uint32_t row = 0; row < rows; ++row) {
    const std::span<float> values(logits.data() + size_t{row} * vocab_size, vocab_size);
    auto drawn = sample(values, penalising(seed), std::span(ids).first(3), std::span(ids).subspan(3),
                        static_cast<uint32_t>(ids.size()));
    BOOST_REQUIRE(drawn.has_value());
    out.push_back(*drawn);
    ids.push_back(drawn->id);
  }
  return out;
}

BOOST_AUTO_TEST_CASE(with_guesses_the_same_tokens_are_drawn_up_to_the_first_wrong_one) {
  worker_pool threads(1);
  const std::vector<token_id> ids{1, 2, 3, 4, 5};
  for (uint64_t seed = 1; seed <= 50; ++seed) {
    const auto expected = one_by_one(ids, seed);
    for (size_t right = 0; right < rows; ++right) {
      std::vector<token_id> guesses;
      for (size_t i = 0; i + 1 < rows; ++i) guesses.push_back((expected[i].id + (i < right ? 0 : 1)) % vocab_size);
      auto logits = some_logits(seed);
      const auto request = request_for(ids, guesses, seed);
      BOOST_REQUIRE(check_sampling(request).has_value());
      const auto drawn = sample_step(request, {logits.data(), rows, vocab_size}, threads);
      BOOST_REQUIRE(drawn.has_value());
      BOOST_REQUIRE(drawn->size() == right + 1);
      for (size_t i = 0; i <= right; ++i) {
        BOOST_TEST((*drawn)[i].id == expected[i].id);
        BOOST_TEST((*drawn)[i].logprob == expected[i].logprob);
        BOOST_TEST(((*drawn)[i].top == expected[i].top));
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(tasks_find_their_rows_among_sequences_that_want_several_or_none) {
  auto request = request_for({1, 2, 3, 4}, {}, 9);
  const auto one = request.plan.sequences[0];
  const auto silent = sequence_step{.first_position = 0, .tokens = {1, 2}, .pages = {0}, .wants_logits = 0};
  auto guessing = one;
  guessing.tokens = {4, 49, 49, 49};
  guessing.wants_logits = 4;
  request.plan.sequences = {silent, guessing, silent, one};
  request.sampling = {request.sampling[0]};
  request.sampling[0].sequence = 3;
  auto logits = some_logits(9);
  std::vector<float> last(logits.end() - vocab_size, logits.end());
  worker_pool threads(1);
  const auto drawn = sample_step(request, {logits.data(), rows, vocab_size}, threads);
  BOOST_REQUIRE(drawn.has_value());
  const std::vector<token_id> ids{1, 2, 3, 4};
  const auto expected = sample(last, penalising(9), std::span(ids).first(3), std::span(ids).subspan(3), 4);
  BOOST_TEST(drawn->at(0).id == expected->id);
}

BOOST_AUTO_TEST_CASE(threads_share_the_tasks_and_change_nothing) {
  step_request request;
  std::vector<float> logits;
  for (uint32_t i = 0; i < 20; ++i) {
    const auto one = request_for({1, 2, 3, i}, {}, i);
    request.plan.sequences.push_back(one.plan.sequences[0]);
    request.sampling.push_back(one.sampling[0]);
    request.sampling.back().sequence = i;
    const auto more = some_logits(i);
    logits.insert(logits.end(), more.begin(), more.begin() + vocab_size);
  }
  worker_pool one(1), three(3);
  auto same_logits = logits;
  const auto expected = sample_step(request, {logits.data(), 20, vocab_size}, one);
  const auto drawn = sample_step(request, {same_logits.data(), 20, vocab_size}, three);
  BOOST_REQUIRE(drawn.has_value());
  BOOST_REQUIRE(drawn->size() == 20u);
  for (size_t i = 0; i < 20; ++i) {
    BOOST_TEST((*drawn)[i].id == expected->at(i).id);
    BOOST_TEST((*drawn)[i].logprob == expected->at(i).logprob);
  }
}

BOOST_AUTO_TEST_CASE(tasks_without_rows_or_parameters_are_refused) {
  const auto good = request_for({1, 2, 3, 4}, {7}, 1);
  BOOST_TEST(check_sampling(good).has_value());
  const auto detail = [](const step_request& request) { return check_sampling(request).err().detail; };
  auto bad = good;
  bad.sampling[0].sequence = 1;
  BOOST_TEST(detail(bad).find("sequence 1, which has no logits of its own") != std::string::npos);
  bad = good;
  bad.plan.sequences[0].wants_logits = 0;
  BOOST_TEST(detail(bad).find("no logits of its own") != std::string::npos);
  bad = good;
  bad.plan.sequences[0].wants_logits = 3;
  BOOST_TEST(detail(bad).find("no as many tokens") != std::string::npos);
  bad = good;
  bad.sampling.push_back(bad.sampling[0]);
  BOOST_TEST(detail(bad).find("no logits of its own") != std::string::npos);
  bad = good;
  bad.sampling[0].params = nullptr;
  BOOST_TEST(detail(bad).find("no parameters") != std::string::npos);
  bad = good;
  bad.sampling[0].prompt_tokens = 5;
  BOOST_TEST(detail(bad).find("no parameters") != std::string::npos);
}

}  // namespace
}  // namespace troupe
