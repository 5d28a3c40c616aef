#include "tests/conformance/batch/asked_stream.hpp"

#include <algorithm>
#include <boost/test/unit_test.hpp>

#include "shards/sampling/sampler.hpp"

namespace troupe::test {
namespace {

constexpr duration patient = std::chrono::minutes(1);
constexpr size_t prompt_max = 400;

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

std::vector<asked_stream> random_streams(test_group& alone, size_t count, uint64_t first, uint32_t vocab_size) {
  stream_writer writer(first, vocab_size);
  std::vector<asked_stream> streams;
  for (size_t i = 0; i < count; ++i) {
    auto request = writer.write(first + i, streams);
    auto expected = tokens_alone(alone, request);
    streams.push_back({std::move(request), std::move(expected)});
  }
  return streams;
}

}  // namespace troupe::test
