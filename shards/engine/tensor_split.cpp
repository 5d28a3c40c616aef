#include "shards/engine/tensor_split.hpp"

#include <string>

#include "shards/engine/backend.hpp"
#include "shards/model/model_config.hpp"

namespace troupe {

half_open_range part_of(uint64_t n, uint32_t index, uint32_t count) {
  return {n * index / count, n * (index + uint64_t{1}) / count};
}

std::vector<uint64_t> shard_bounds_of(uint64_t n, uint32_t tp, uint32_t rank) {
  const uint32_t shards = reduction_shards / tp;
  const uint64_t begin = part_of(n, rank, tp).begin;
  std::vector<uint64_t> bounds;
  for (uint32_t s = 0; s <= shards; ++s) bounds.push_back(n * (uint64_t{rank} * shards + s) / reduction_shards - begin);
  return bounds;
}

result<rank_slice> split_model(const model_config& config, uint32_t tp, uint32_t rank) {
  if (!can_split(config, tp)) {
    std::string possible;
    for (uint32_t other : {1U, 2U, 4U, 8U}) {
      if (can_split(config, other)) possible += (possible.empty() ? "" : ", ") + std::to_string(other);
    }
    return error{errc::invalid_argument, "a model of " + std::to_string(config.heads) + " attention heads and " +
                                             std::to_string(config.kv_heads) +
                                             " key/value heads cannot be split over " + std::to_string(tp) +
                                             " ranks, only over " + possible};
  }
  if (rank >= tp)
    return error{errc::invalid_argument, "rank " + std::to_string(rank) + " is not below tp = " + std::to_string(tp)};
  rank_slice slice;
  slice.heads = part_of(config.heads, rank, tp);
  slice.intermediate = part_of(config.intermediate, rank, tp);
  if (config.experts) slice.expert_intermediate = part_of(config.experts->intermediate, rank, tp);
  slice.vocab = part_of(config.vocab_size, rank, tp);
  for (uint32_t r = 0; r < tp; ++r)
    slice.vocab_stride = std::max(slice.vocab_stride, part_of(config.vocab_size, r, tp).size());
  const uint32_t group = config.heads / config.kv_heads;
  slice.kv_heads = {slice.heads.begin / group, (slice.heads.end - 1) / group + 1};
  for (uint64_t h = slice.heads.begin; h < slice.heads.end; ++h)
    slice.kv_of_head.push_back(static_cast<uint32_t>(h / group - slice.kv_heads.begin));
  return slice;
}

}  // namespace troupe
