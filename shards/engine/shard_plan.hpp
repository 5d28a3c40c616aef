// What one rank of a model takes of memory, from its configuration and the headers of its files alone. shard::open goes
// by it, and so does `troupe model plan`, before anything is loaded.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>

#include "base/result.hpp"
#include "shards/engine/backend.hpp"
#include "shards/engine/forward_pass.hpp"
#include "shards/engine/shard.hpp"
#include "shards/engine/step.hpp"
#include "shards/engine/tensor_split.hpp"
#include "shards/model/model_config.hpp"

namespace troupe {

class weight_files;

/// So that a position fits 32 bits.
inline constexpr uint32_t kv_pages_max = std::numeric_limits<uint32_t>::max() / kv_page_positions;

/// "12 MiB", rounded up.
std::string mebibytes(uint64_t bytes);

/// Memory in bytes of this rank's own; for a certain number of pages.
struct shard_plan {
  /// As they lie in memory.
  uint64_t weights_bytes = 0;
  /// Activations, rotary tables, logits, and what products need of their rows.
  uint64_t working_bytes = 0;
  /// One page of keys and values, of all layers.
  uint64_t kv_page_bytes = 0;
  uint32_t kv_pages = 0;
  /// The model's limit, or that of the pages when it is less.
  uint32_t context_max = 0;

  uint64_t kv_bytes() const { return kv_page_bytes * kv_pages; }
  uint64_t bytes() const { return weights_bytes + working_bytes + kv_bytes(); }
};

/// Floats of the buffers around the output projection.
struct logits_floats {
  /// The rows that want logits; this rank's part of these, where there are others; all of them, on rank 0.
  size_t wanted = 0, part = 0, all = 0;
  size_t sum() const { return wanted + part + all; }
};

/// Rows of logits of one step.
inline uint32_t logits_rows_max(const shard_config& config) {
  return config.logits_max == 0 ? config.sequences_max : config.logits_max;
}

/// Whether the numbers of `config` are within their bounds. Errors: invalid_argument (names the key).
result<void> check_bounds(const shard_config& config);

/// How many floats the communicator of such a rank carries.
size_t exchanged_floats_max(const shard_config& config, const model_config& model, const rank_slice& slice);

class shard_sizes {
 public:
  /// Reads no weights. `config` is within its bounds, `slice` that of its rank. Errors: corrupt (names the tensor).
  static result<shard_sizes> of(const shard_config& config, const model_config& model, const rank_slice& slice,
                                const weight_files& files, const backend& device);

  uint64_t kv_page_bytes() const { return kv_page_bytes_; }
  /// With so many pages.
  shard_plan with(uint32_t kv_pages) const;
  /// With as many as the configuration says: kv_pages, or what kv_bytes hold. Errors: invalid_argument (not one fits).
  result<shard_plan> as_configured() const;

  logits_floats logits() const;
  forward_limits limits(const shard_plan& plan) const {
    return {config_.rows_max, plan.context_max, plan.kv_pages, config_.kv_bf16};
  }

 private:
  shard_sizes(const shard_config& config, const model_config& model, const rank_slice& slice)
      : config_(config), model_(model), slice_(slice) {}

  shard_config config_;
  model_config model_;
  rank_slice slice_;
  uint64_t weights_bytes_ = 0, rows_bytes_ = 0, kv_page_bytes_ = 0;
};

}  // namespace troupe
