// A stream that tests ask for, and what must come out of it, to the bit.
#pragma once

#include <bit>
#include <cstdint>
#include <random>
#include <vector>

#include "actors/seams/compute.hpp"
#include "schemas/request.hpp"
#include "tests/unit/engine/test_group.hpp"

namespace troupe::test {

/// A token as it was drawn.
struct drawn_token {
  token_id id = 0;
  float logprob = 0;
  std::vector<likely_token> top;
  /// Of the whole row of logits that it was drawn from.
  uint64_t logits_hash = 0;

  friend bool operator==(const drawn_token& a, const drawn_token& b) {
    return a.id == b.id && std::bit_cast<uint32_t>(a.logprob) == std::bit_cast<uint32_t>(b.logprob) && a.top == b.top &&
           a.logits_hash == b.logits_hash;
  }
};

struct asked_stream {
  /// Its sampling.seed is no other stream's.
  generate request;
  std::vector<drawn_token> expected;
  /// With pooling, instead of tokens.
  std::vector<float> embedding = {};
};

uint64_t hash_of(std::span<const float> row);

/// What the stream gives where it is alone: its prompt as a whole, then token by token, without a batch, a cache or a
/// guess. `group` takes the longest prompt in one step.
std::vector<drawn_token> tokens_alone(test_group& group, const generate& request);

/// The same of a stream with pooling: the rows of its prompt, which goes through the model as a whole.
std::vector<float> embedding_alone(test_group& group, const generate& request);

/// How many embeddings come beside so many streams.
constexpr size_t embeddings_of(size_t streams) { return (streams + 3) / 4; }

/// Streams of many kinds: short and long, random and repetitive, with every sampling parameter; some go on where an
/// earlier one ended, as conversations do. After them embeddings_of(count) whose prompts are to be embedded.
///   first: the number of the first of them, which makes seeds differ.
std::vector<asked_stream> random_streams(test_group& alone, size_t count, uint64_t first, uint32_t vocab_size);

}  // namespace troupe::test
