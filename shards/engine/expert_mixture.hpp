// The MLP of a layer that has many of them, of which each row goes through a few (Shazeer et al. 2017): a router
// chooses, the rows of one expert go through it together, and what comes out is added with the router's weights.
//
// The same bits whatever the batch and the ranks: a row's choice depends on the row alone, and so does each product.
// Every rank has a part of each expert's inner width, so K is cut into shards as everywhere; over each shard the
// experts of a row are added by ascending number, and then the shards in their tree. Adding the shards of one expert
// first would need a sum over the ranks for each.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/result.hpp"
#include "shards/engine/backend.hpp"
#include "shards/engine/model_weights.hpp"
#include "shards/model/model_config.hpp"

namespace troupe {

struct mixture_shape {
  expert_config experts;
  size_t hidden = 0;
  /// This rank's part of an expert's inner width, and of the shards of K.
  size_t inner = 0;
  uint32_t shards = 0;
};

class expert_mixture {
 public:
  /// Errors: out_of_memory.
  static result<expert_mixture> make(const mixture_shape& shape, uint32_t rows_max, backend& device);
  /// What make() allocates.
  static uint64_t floats(const mixture_shape& shape, uint32_t rows_max);

  /// out = this rank's part of the sum.   x, out: (rows, hidden).
  void run(const layer_weights& weights, rows_view x, uint32_t rows, rows_view out);

 private:
  void run_block(const layer_weights& weights, rows_view x, uint32_t rows, rows_view out);
  void group_rows(uint32_t rows);
  void run_expert(const mlp_weights& weights, rows_view x, std::span<const weighted_row> rows);

  mixture_shape shape_;
  backend* device_ = nullptr;
  float_buffer logits_, gathered_, inner_, products_, sums_;
  std::vector<expert_use> uses_;
  /// The rows of expert e are [first_of_[e], first_of_[e + 1]).
  std::vector<weighted_row> grouped_;
  std::vector<uint32_t> first_of_;
};

}  // namespace troupe
