#include "shards/sampling/sampler.hpp"

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <limits>
#include <numeric>
#include <random>

#include "base/random.hpp"

namespace troupe {
namespace {

constexpr float infinity = std::numeric_limits<float>::infinity();

/// sampling_params for designated initialisers: with a default for every member, else the compiler warns of each that
/// is left out.
struct knobs {
  float temperature = 1;
  float top_p = 1;
  uint32_t top_k = 0;
  float min_p = 0;
  float presence_penalty = 0;
  float frequency_penalty = 0;
  float repetition_penalty = 1;
  std::vector<std::pair<token_id, float>> logit_bias = {};
  uint64_t seed = 0;
  uint32_t stream = 0;
  int32_t top_logprobs = -1;
  operator sampling_params() const {  // NOLINT: the conversion is its purpose
    sampling_params out;
    out.temperature = temperature;
    out.top_p = top_p;
    out.top_k = top_k;
    out.min_p = min_p;
    out.presence_penalty = presence_penalty;
    out.frequency_penalty = frequency_penalty;
    out.repetition_penalty = repetition_penalty;
    out.logit_bias = logit_bias;
    out.seed = seed;
    out.stream = stream;
    out.top_logprobs = top_logprobs;
    return out;
  }
};

result<sampled> sample_of(std::vector<float> logits, const knobs& params, uint32_t position = 0,
                          std::vector<token_id> prompt = {}, std::vector<token_id> generated = {},
                          std::vector<token_id> forbidden = {}) {
  return sample(logits, params, prompt, generated, position, forbidden);
}

token_id token_of(std::vector<float> logits, const knobs& params, uint32_t position = 0) {
  return sample_of(std::move(logits), params, position)->id;
}

/// 32 uniform bits a call; std::mt19937's type is 64 bits wide, which -Wconversion minds.
struct small_random {
  explicit small_random(uint32_t seed) : engine(seed) {}
  uint32_t operator()() { return static_cast<uint32_t>(engine()); }
  std::mt19937 engine;
};

std::vector<float> random_logits(size_t size, uint32_t seed, float spread) {
  small_random random(seed);
  std::vector<float> logits(size);
  // A sum of uniforms: bell-shaped, and the same with every standard library.
  for (float& logit : logits) {
    double sum = 0;
    for (int i = 0; i < 4; ++i) sum += static_cast<double>(random()) / 4294967296.0 - 0.5;
    logit = static_cast<float>(sum) * spread;
  }
  return logits;
}

/// The rules of the header written down plainly: everything sorted, probabilities in long double, libm's exp.
token_id sample_plainly(const std::vector<float>& logits, const knobs& params, uint32_t position) {
  std::vector<token_id> ids(logits.size());
  std::iota(ids.begin(), ids.end(), 0U);
  if (params.top_k != 0 || params.top_p < 1.0F || params.min_p > 0.0F)
    std::stable_sort(ids.begin(), ids.end(), [&](token_id a, token_id b) { return logits[a] > logits[b]; });
  const long double most = *std::ranges::max_element(logits);
  std::vector<long double> weights;
  for (token_id id : ids) weights.push_back(std::exp((logits[id] - most) / params.temperature));
  auto sum = [&] { return std::accumulate(weights.begin(), weights.end(), 0.0L); };
  if (params.top_k != 0 && params.top_k < weights.size()) weights.resize(params.top_k);
  if (params.top_p < 1.0F) {
    long double total = sum(), so_far = 0;
    size_t count = 0;
    while (count < weights.size() && so_far < params.top_p * total) so_far += weights[count++];
    weights.resize(std::max<size_t>(count, 1));
  }
  while (weights.size() > 1 && weights.back() < params.min_p) weights.pop_back();
  auto words = philox4x32({position, 0, params.stream, 0},
                          {static_cast<uint32_t>(params.seed), static_cast<uint32_t>(params.seed >> 32)});
  long double u = static_cast<long double>((uint64_t{words[0]} << 32 | words[1]) >> 11) / 9007199254740992.0L;
  long double total = sum(), so_far = 0;
  for (size_t rank = 0; rank < weights.size(); ++rank) {
    so_far += weights[rank];
    if (so_far > u * total) return ids[rank];
  }
  return ids[weights.size() - 1];
}

BOOST_AUTO_TEST_CASE(temperature_zero_takes_the_most_likely_and_of_equals_the_lower_id) {
  knobs greedy{.temperature = 0};
  BOOST_TEST(token_of({1, 3, 2}, greedy) == 1U);
  BOOST_TEST(token_of({1, 3, 2, 3}, greedy) == 1U);
  BOOST_TEST(token_of({-infinity, -5, -infinity}, greedy) == 1U);
  BOOST_TEST(token_of({-0.0F, 0.0F}, greedy) == 0U);
}

BOOST_AUTO_TEST_CASE(the_draw_is_the_documented_53_bits_of_philox) {
  // With 1024 equal logits the total is 2^53, so the token is the draw's upper ten bits. The words of key 0, counter 0
  // are 6627e8d5 e169c58d (Random123's known answers).
  std::vector<float> equal(1024, 0.5F);
  BOOST_TEST(token_of(equal, {.seed = 0}, 0) == 0x6627e8d5U >> 22);
  for (uint32_t position : {1U, 77U, 0xFFFFFFFFU}) {
    knobs params{.seed = 0x0123456789ABCDEFU, .stream = 3};
    auto words = philox4x32({position, 0, 3, 0}, {0x89ABCDEF, 0x01234567});
    BOOST_TEST(token_of(equal, params, position) == words[0] >> 22);
  }
}

BOOST_AUTO_TEST_CASE(agrees_with_the_rules_written_down_plainly) {
  small_random random(11);
  size_t distinct = 0;
  for (int round = 0; round < 2000; ++round) {
    size_t size = 1 + random() % 1500;
    auto logits = random_logits(size, random(), static_cast<float>(1 + random() % 20));
    // Ties among the best must not matter.
    if (round % 3 == 0) logits[random() % size] = *std::max_element(logits.begin(), logits.end());
    knobs params{
        .temperature = static_cast<float>(1 + random() % 20) / 10.0F, .seed = random(), .stream = random() % 4};
    if (random() % 2) params.top_p = static_cast<float>(1 + random() % 99) / 100.0F;
    if (random() % 3 == 0) params.top_k = 1 + random() % 200;
    if (random() % 3 == 0) params.min_p = static_cast<float>(random() % 100) / 200.0F;
    uint32_t position = random() % 100000;
    token_id expected = sample_plainly(logits, params, position);
    BOOST_REQUIRE(token_of(logits, params, position) == expected);
    if (expected != static_cast<token_id>(std::max_element(logits.begin(), logits.end()) - logits.begin())) ++distinct;
  }
  // Else the test would only show that the argmax is found.
  BOOST_TEST(distinct > 500U);
}

BOOST_AUTO_TEST_CASE(agrees_with_them_where_a_large_vocabulary_is_nearly_flat) {
  small_random random(12);
  for (int round = 0; round < 20; ++round) {
    const auto logits = random_logits(50000, random(), round % 2 == 0 ? 0.1F : 5.0F);
    knobs params{.temperature = 0.8F, .top_p = 0.95F, .seed = random()};
    if (round % 4 == 1) params.top_k = 20000;
    if (round % 5 == 1) params.min_p = 0.01F;
    BOOST_REQUIRE(token_of(logits, params, 7) == sample_plainly(logits, params, 7));
  }
}

BOOST_AUTO_TEST_CASE(draws_follow_the_distribution) {
  const std::vector<float> logits{2.0F, 1.5F, 1.0F, 0.5F, 0.0F, -0.5F, -1.0F, -3.0F};
  for (float temperature : {0.5F, 1.0F, 2.0F}) {
    std::vector<double> probability;
    double total = 0;
    for (float logit : logits) total += std::exp(logit / temperature);
    for (float logit : logits) probability.push_back(std::exp(logit / temperature) / total);
    std::vector<double> count(logits.size());
    constexpr uint32_t draws = 100000;
    for (uint32_t position = 0; position < draws; ++position) {
      count[token_of(logits, {.temperature = temperature, .seed = 42}, position)] += 1;
    }
    double chi_squared = 0;
    for (size_t i = 0; i < count.size(); ++i) {
      double expected = probability[i] * draws;
      chi_squared += (count[i] - expected) * (count[i] - expected) / expected;
    }
    // Seven degrees of freedom: above 24.3 once in a thousand seeds; the seed is fixed.
    BOOST_TEST(chi_squared < 24.3);
  }
}

BOOST_AUTO_TEST_CASE(seeds_streams_and_positions_draw_independently) {
  std::vector<float> equal(1024);
  auto row = [&](uint64_t seed, uint32_t stream, uint32_t first) {
    std::vector<token_id> ids;
    for (uint32_t i = 0; i < 64; ++i) ids.push_back(token_of(equal, {.seed = seed, .stream = stream}, first + i));
    return ids;
  };
  auto base = row(1, 0, 0);
  BOOST_TEST((base == row(1, 0, 0)));
  for (const auto& other : {row(2, 0, 0), row(1ULL << 32 | 1, 0, 0), row(1, 1, 0), row(1, 0, 64)}) {
    size_t equal_count = 0;
    for (size_t i = 0; i < base.size(); ++i) equal_count += base[i] == other[i] ? 1 : 0;
    BOOST_TEST(equal_count < 4U);  // 64 of 1/1024 each
  }
}

BOOST_AUTO_TEST_CASE(top_k_top_p_and_min_p_keep_what_they_say) {
  // Probabilities 0.5, 0.25, 0.125, 0.125.
  const float ln2 = 0.69314718F;
  const std::vector<float> logits{0, -ln2, -2 * ln2, -2 * ln2};
  auto reached = [&](knobs params) {
    std::vector<bool> seen(logits.size());
    for (params.seed = 0; params.seed < 400; ++params.seed) seen[token_of(logits, params)] = true;
    return std::count(seen.begin(), seen.end(), true);
  };
  BOOST_TEST(reached({}) == 4);
  BOOST_TEST(reached({.top_k = 1}) == 1);
  BOOST_TEST(reached({.top_k = 3}) == 3);
  BOOST_TEST(reached({.top_k = 1000}) == 4);
  BOOST_TEST(reached({.top_p = 0.4F}) == 1);
  BOOST_TEST(reached({.top_p = 0.6F}) == 2);
  BOOST_TEST(reached({.top_p = 0.8F}) == 3);
  BOOST_TEST(reached({.top_p = 1e-30F}) == 1);
  BOOST_TEST(reached({.min_p = 0.3F}) == 2);
  BOOST_TEST(reached({.min_p = 0.2F}) == 4);
  BOOST_TEST(reached({.min_p = 1.0F}) == 1);
  // top_p is of what top_k left: of 0.5 and 0.25 the first is two thirds.
  BOOST_TEST(reached({.top_p = 0.66F, .top_k = 2}) == 1);
  BOOST_TEST(reached({.top_p = 0.67F, .top_k = 2}) == 2);
}

BOOST_AUTO_TEST_CASE(top_k_of_one_and_a_temperature_near_zero_are_greedy) {
  small_random random(5);
  for (int round = 0; round < 200; ++round) {
    auto logits = random_logits(300, random(), 8);
    auto best = static_cast<token_id>(std::max_element(logits.begin(), logits.end()) - logits.begin());
    BOOST_TEST(token_of(logits, {.top_k = 1, .seed = random()}, random()) == best);
    BOOST_TEST(token_of(logits, {.temperature = 1e-30F, .seed = random()}, random()) == best);
  }
}

BOOST_AUTO_TEST_CASE(a_constant_added_to_all_logits_changes_nothing) {
  small_random random(6);
  for (int round = 0; round < 200; ++round) {
    auto logits = random_logits(500, random(), 10);
    for (float& logit : logits) logit = std::round(logit * 1024) / 1024;  // so that adding 64 is exact
    auto shifted = logits;
    for (float& logit : shifted) logit += 64;
    knobs params{.top_p = 0.95F, .seed = random()};
    BOOST_TEST(token_of(logits, params) == token_of(shifted, params));
  }
}

BOOST_AUTO_TEST_CASE(repetition_penalty_counts_prompt_and_output_once) {
  knobs params{.temperature = 0, .repetition_penalty = 2};
  BOOST_TEST(sample_of({4, 3}, params, 0, {0})->id == 1U);
  BOOST_TEST(sample_of({4, 3}, params, 0, {}, {0})->id == 1U);
  BOOST_TEST(sample_of({4, 1.5F}, params, 0, {0, 0, 0}, {0})->id == 0U);  // 2, not 0.25
  BOOST_TEST(sample_of({-1, -1.5F}, params, 0, {0})->id == 1U);           // -2: negative ones grow
}

BOOST_AUTO_TEST_CASE(frequency_and_presence_penalties_count_the_output_alone) {
  knobs frequency{.temperature = 0, .frequency_penalty = 1};
  BOOST_TEST(sample_of({3, 1.5F}, frequency, 0, {0, 0, 0})->id == 0U);
  BOOST_TEST(sample_of({3, 1.5F}, frequency, 0, {}, {0})->id == 0U);
  BOOST_TEST(sample_of({3, 1.5F}, frequency, 0, {}, {0, 0})->id == 1U);
  knobs presence{.temperature = 0, .presence_penalty = 1};
  BOOST_TEST(sample_of({3, 1.5F}, presence, 0, {}, {0, 0, 0})->id == 0U);
  BOOST_TEST(sample_of({3, 2.5F}, presence, 0, {}, {0})->id == 1U);
}

BOOST_AUTO_TEST_CASE(bias_comes_after_the_penalties) {
  knobs params{.temperature = 0, .repetition_penalty = 2, .logit_bias = {{0, 4.0F}}};
  // 2/2 + 4 = 5 wins over 4.5; (2 + 4)/2 = 3 would not.
  BOOST_TEST(sample_of({2, 4.5F}, params, 0, {0})->id == 0U);
  BOOST_TEST(token_of({9, 1}, {.temperature = 0, .logit_bias = {{0, -100.0F}}}) == 1U);
}

BOOST_AUTO_TEST_CASE(forbidden_tokens_are_never_drawn_whatever_their_bias) {
  knobs params{.logit_bias = {{0, 100.0F}}};
  for (params.seed = 0; params.seed < 100; ++params.seed) {
    BOOST_TEST(sample_of({5, 1, 1}, params, 0, {}, {}, {0})->id != 0U);
  }
}

BOOST_AUTO_TEST_CASE(logprobs_are_of_the_models_own_distribution) {
  auto logits = random_logits(4000, 3, 12);
  long double total = 0;
  for (float logit : logits) total += std::exp(static_cast<long double>(logit));
  auto expected = [&](token_id id) {
    return static_cast<double>(static_cast<long double>(logits[id]) - std::log(total));
  };
  knobs params{.temperature = 0.3F, .top_k = 5, .frequency_penalty = 1, .logit_bias = {{7, 50.0F}}, .top_logprobs = 20};
  auto out = *sample_of(logits, params, 0, {}, {1, 2, 3});
  BOOST_TEST(out.id == 7U);
  BOOST_TEST(out.logprob == expected(7), boost::test_tools::tolerance(1e-6));
  BOOST_REQUIRE(out.top.size() == 20U);
  auto sorted = logits;
  std::sort(sorted.begin(), sorted.end(), std::greater<>());
  for (size_t i = 0; i < out.top.size(); ++i) {
    BOOST_TEST(logits[out.top[i].id] == sorted[i]);
    BOOST_TEST(double{out.top[i].logprob} == expected(out.top[i].id), boost::test_tools::tolerance(1e-6));
  }
}

BOOST_AUTO_TEST_CASE(logprobs_are_left_out_unless_asked_for) {
  auto none = *sample_of({1, 2}, {.top_logprobs = -1});
  BOOST_TEST(none.logprob == 0.0F);
  BOOST_TEST(none.top.empty());
  auto chosen_only = *sample_of({0, 0}, {.top_logprobs = 0});
  BOOST_TEST(chosen_only.logprob == -std::log(2.0F), boost::test_tools::tolerance(1e-6F));
  BOOST_TEST(chosen_only.top.empty());
}

BOOST_AUTO_TEST_CASE(more_logprobs_than_possible_tokens_gives_those_there_are) {
  auto out = *sample_of({1, -infinity, 2}, {.temperature = 0, .top_logprobs = 20});
  BOOST_REQUIRE(out.top.size() == 2U);
  BOOST_TEST(out.top[0].id == 2U);
  BOOST_TEST(out.top[1].id == 0U);
}

BOOST_AUTO_TEST_CASE(logits_that_are_no_numbers_are_the_models_fault) {
  for (const auto& logits :
       std::vector<std::vector<float>>{{1, std::nanf(""), 2}, {1, infinity}, {-infinity, -infinity}}) {
    for (float temperature : {0.0F, 1.0F}) {
      auto out = sample_of(logits, {.temperature = temperature});
      BOOST_REQUIRE(!out);
      BOOST_TEST((out.err().code == errc::internal));
    }
  }
  BOOST_TEST(sample_of({1, std::nanf("")}, {}).err().detail.find("token 1") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(parameters_that_cannot_work_are_refused) {
  auto refused = [](const result<sampled>& out) { return !out && out.err().code == errc::invalid_argument; };
  BOOST_TEST(refused(sample_of({}, {})));
  BOOST_TEST(refused(sample_of(std::vector<float>(sampler_vocab_max + 1), {})));
  BOOST_TEST(refused(sample_of({1, 2}, {.logit_bias = {{2, 1.0F}}})));
  BOOST_TEST(refused(sample_of({1, 2}, {.logit_bias = {{0, std::nanf("")}}})));
  BOOST_TEST(refused(sample_of({1, 2}, {.repetition_penalty = 2}, 0, {2})));
  BOOST_TEST(refused(sample_of({0, 2}, {.repetition_penalty = 0}, 0, {1})));
  BOOST_TEST(refused(sample_of({1, 2}, {.presence_penalty = 1}, 0, {}, {2})));
  BOOST_TEST(refused(sample_of({1, 2}, {}, 0, {}, {}, {2})));
  BOOST_TEST(refused(sample_of({1, 2}, {}, 0, {}, {}, {0, 1})));
}

BOOST_AUTO_TEST_CASE(strange_parameters_still_choose_a_token) {
  for (float strange : {-1.0F, 0.0F, 5.0F, std::nanf(""), infinity, -infinity, 1e-45F}) {
    BOOST_TEST(token_of({1, 2}, {.temperature = strange}) < 2U);
    BOOST_TEST(token_of({1, 2}, {.top_p = strange}) < 2U);
    BOOST_TEST(token_of({1, 2}, {.min_p = strange}) < 2U);
  }
  BOOST_TEST(token_of({3.0e38F, -3.0e38F}, {.temperature = 2}) == 0U);
}

BOOST_AUTO_TEST_CASE(the_largest_vocabulary_of_equal_logits_does_not_overflow) {
  std::vector<float> equal(sampler_vocab_max, -1.0F);
  auto words = philox4x32({9, 0, 0, 0}, {1, 0});
  BOOST_TEST(token_of(equal, {.temperature = 2, .seed = 1}, 9) == words[0] >> 12);
}

// What every version of troupe must draw: a stream that a group of an older version began may be continued by a newer
// one. Recorded from this code after the tests above held; a change here breaks failover between versions.
BOOST_AUTO_TEST_CASE(the_tokens_of_a_recorded_run_never_change) {
  auto logits = random_logits(2048, 99, 14);
  knobs params{.temperature = 0.8F, .top_p = 0.95F, .seed = 20240607, .stream = 1};
  std::vector<token_id> drawn;
  for (uint32_t position = 0; position < 16; ++position) drawn.push_back(token_of(logits, params, position));
  const std::vector<token_id> recorded{76,   76, 1840, 1854, 249,  1769, 1840, 76,
                                       1840, 76, 684,  76,   1241, 249,  1840, 1769};
  BOOST_TEST(drawn == recorded, boost::test_tools::per_element());

  params.top_p = 1;
  drawn.clear();
  for (uint32_t position = 0; position < 16; ++position) drawn.push_back(token_of(logits, params, position));
  const std::vector<token_id> of_all{1840, 1769, 249,  1840, 1840, 1769, 76,  1769,
                                     249,  1840, 1854, 1840, 1840, 1840, 684, 1769};
  BOOST_TEST(drawn == of_all, boost::test_tools::per_element());
}

}  // namespace
}  // namespace troupe
