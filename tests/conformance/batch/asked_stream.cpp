#include "tests/conformance/batch/asked_stream.hpp"

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cmath>

#include "shards/sampling/sampler.hpp"

namespace troupe::test {
namespace {

constexpr duration patient = std::chrono::minutes(1);
constexpr size_t prompt_max = 400;
/// From there on no stream of tokens has a seed.
constexpr uint64_t embedding_seeds = uint64_t{1} << 40;

class stream_writer {
 public:
  stream_writer(uint64_t seed, uint32_t vocab_size) : random_(static_cast<uint32_t>(seed)), vocab_size_(vocab_size) {}

  generate write(uint64_t seed, const std::vector<asked_stream>& before) {
    generate g;
    // Half of them begin as another did.
    if (!before.empty() && chance(2)) {
      const auto& other = before[random_() % before.size()];
      g.prompt = other.request.prompt;
      for (const auto& token : other.expected) g.prompt.push_back(token.id);
      if (chance(3)) g.prompt.resize(1 + random_() % g.prompt.size());
    }
    add_ids(g.prompt);
    g.prompt.resize(std::min(g.prompt.size(), prompt_max));
    g.tokens_max = static_cast<uint32_t>(1 + random_() % 48);
    g.sampling = params(seed);
    if (chance(2)) g.eos = {0, id()};
    g.priority = static_cast<int32_t>(random_() % 5) - 2;
    if (chance(8)) g.cache_salt = "other";
    return g;
  }

  /// Of a prompt that is generated from, too, or of the beginning of one.
  generate write_embedding(uint64_t seed, const std::vector<asked_stream>& before) {
    generate g;
    g.prompt = before[random_() % before.size()].request.prompt;
    if (chance(2)) g.prompt.resize(1 + random_() % g.prompt.size());
    g.sampling.seed = seed;
    g.priority = static_cast<int32_t>(random_() % 5) - 2;
    g.pooling = chance(2) ? pooling_kind::mean : pooling_kind::last;
    return g;
  }

 private:
  bool chance(uint32_t in) { return random_() % in == 0; }
  float between(float least, float most) {
    return least + (most - least) * static_cast<float>(random_() % 1001) / 1000.0F;
  }
  token_id id() { return static_cast<token_id>(random_() % vocab_size_); }

  void add_ids(std::vector<token_id>& ids) {
    const size_t count = 1 + (chance(8) ? random_() % 300 : random_() % 40);
    // One that repeats itself makes the model repeat it, and guesses right.
    const size_t period = chance(2) ? 2 + random_() % 12 : count;
    const size_t begin = ids.size();
    for (size_t i = 0; i < count; ++i) ids.push_back(i < period ? id() : ids[begin + i - period]);
  }

  sampling_params params(uint64_t seed) {
    sampling_params p;
    p.seed = seed;
    p.temperature = chance(2) ? 0 : between(0.1F, 1.5F);
    if (chance(3)) p.top_p = between(0.3F, 1);
    if (chance(3)) p.top_k = 1 + static_cast<uint32_t>(random_() % 50);
    if (chance(4)) p.min_p = between(0, 0.3F);
    if (chance(4)) p.presence_penalty = between(-1, 1);
    if (chance(4)) p.frequency_penalty = between(-1, 1);
    if (chance(4)) p.repetition_penalty = between(0.8F, 1.5F);
    if (chance(4)) p.logit_bias = {{id(), between(-5, 5)}};
    p.top_logprobs = static_cast<int32_t>(random_() % 4) - 1;
    p.ignore_eos = chance(4);
    return p;
  }

  std::mt19937 random_;
  uint32_t vocab_size_;
};

}  // namespace

uint64_t hash_of(std::span<const float> row) {
  uint64_t hash = 0xCBF29CE484222325;  // FNV-1a, over words
  for (float value : row) hash = (hash ^ std::bit_cast<uint32_t>(value)) * 0x100000001B3;
  return hash;
}

std::vector<drawn_token> tokens_alone(test_group& group, const generate& request) {
  std::vector<drawn_token> tokens;
  std::vector<token_id> next = request.prompt, generated;
  uint32_t position = 0;
  while (tokens.size() < request.tokens_max) {
    const uint32_t end = position + static_cast<uint32_t>(next.size());
    auto logits = group.leader().lead(
        {.number = tokens.size(),
         .sequences = {{.first_position = position, .tokens = next, .pages = pages_for(end), .wants_logits = 1}}},
        patient);
    BOOST_REQUIRE_MESSAGE(logits.has_value(), (logits ? "" : logits.err().detail));
    const uint64_t hash = hash_of(logits->row(0));
    auto chosen = sample(logits->row(0), request.sampling, request.prompt, generated, end);
    BOOST_REQUIRE_MESSAGE(chosen.has_value(), (chosen ? "" : chosen.err().detail));
    tokens.push_back({chosen->id, chosen->logprob, chosen->top, hash});
    generated.push_back(chosen->id);
    const bool ends = std::find(request.eos.begin(), request.eos.end(), chosen->id) != request.eos.end();
    if (ends && !request.sampling.ignore_eos) break;
    next = {chosen->id};
    position = end;
  }
  return tokens;
}

std::vector<float> embedding_alone(test_group& group, const generate& request) {
  const auto tokens = static_cast<uint32_t>(request.prompt.size());
  auto led = group.leader().lead({.number = 1,
                                  .sequences = {{.first_position = 0,
                                                 .tokens = request.prompt,
                                                 .pages = pages_for(tokens),
                                                 .wants_logits = 0,
                                                 .wants_hidden = tokens}}},
                                 patient);
  BOOST_REQUIRE_MESSAGE(led.has_value(), (led ? "" : led.err().detail));
  std::vector<double> sum(group.leader().facts().hidden);
  for (uint32_t t = request.pooling == pooling_kind::last ? tokens - 1 : 0; t < tokens; ++t) {
    const auto row = group.leader().hidden(t);
    for (size_t i = 0; i < sum.size(); ++i) sum[i] += double{row[i]};
  }
  double squares = 0;
  for (double value : sum) squares += value * value;
  std::vector<float> embedding;
  for (double value : sum) embedding.push_back(static_cast<float>(value / std::sqrt(squares)));
  return embedding;
}

std::vector<asked_stream> random_streams(test_group& alone, size_t count, uint64_t first, uint32_t vocab_size) {
  stream_writer writer(first, vocab_size);
  std::vector<asked_stream> streams;
  for (size_t i = 0; i < count; ++i) {
    auto request = writer.write(first + i, streams);
    auto expected = tokens_alone(alone, request);
    streams.push_back({std::move(request), std::move(expected)});
  }
  for (size_t i = 0; i < embeddings_of(count); ++i) {
    auto request = writer.write_embedding(first + i + embedding_seeds, streams);
    auto embedding = embedding_alone(alone, request);
    streams.push_back({std::move(request), {}, std::move(embedding)});
  }
  return streams;
}

}  // namespace troupe::test
