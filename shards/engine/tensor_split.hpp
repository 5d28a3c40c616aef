// Which part of a model one rank has. Heads are dealt out whole; the intermediate width and the vocabulary are cut at
// floor(n r / tp), so that any width works; where there are fewer key/value heads than ranks, neighbours hold the same
// one.
#pragma once

#include <cstdint>
#include <vector>

#include "base/result.hpp"

namespace troupe {

struct model_config;

struct half_open_range {
  uint64_t begin = 0, end = 0;
  uint64_t size() const { return end - begin; }
};

struct rank_slice {
  half_open_range heads, kv_heads, intermediate, vocab;
  /// Of each expert, where there are experts: every rank has a part of all of them.
  half_open_range expert_intermediate;
  /// For each of this rank's query heads, which of its key/value heads it reads.
  std::vector<uint32_t> kv_of_head;
  /// The widest vocabulary part of any rank: the parts are gathered with this stride.
  uint64_t vocab_stride = 0;
};

/// Errors: invalid_argument (tp is not 1, 2, 4 or 8; rank is not below it; heads do not divide), with the numbers.
result<rank_slice> split_model(const model_config& config, uint32_t tp, uint32_t rank);

/// Part `index` of `count` of [0, n): from floor(n index / count) on. n * count must fit 64 bits.
half_open_range part_of(uint64_t n, uint32_t index, uint32_t count);

/// The bounds of this rank's shards of a K of `n` (the input width over all ranks), relative to where its part begins.
std::vector<uint64_t> shard_bounds_of(uint64_t n, uint32_t tp, uint32_t rank);

}  // namespace troupe
