// What a group of ranks on one machine takes, and what fits beside it, before any of it is loaded: the sizes of its
// ranks (shard_plan.hpp) put together.
#pragma once

#include <cstdint>
#include <vector>

#include "base/result.hpp"
#include "shards/engine/shard_plan.hpp"

namespace troupe {

/// All ranks of one group.
class group_sizes {
 public:
  /// Of the configuration, its rank and pages do not matter. Reads what the model says and the headers of its weights.
  /// Errors: those of the files (they name file, key or tensor); invalid_argument (a number is out of its bounds, the
  /// model cannot be split so).
  static result<group_sizes> read(const shard_config& config);

  const model_config& model() const { return model_; }
  /// By rank.
  std::vector<shard_plan> with(uint32_t kv_pages) const;
  /// Through which the ranks exchange numbers: shared memory of them all.
  uint64_t exchange_bytes() const { return exchange_bytes_; }
  /// Of all together.
  uint64_t bytes(uint32_t kv_pages) const;
  /// The most pages with which they take no more than `memory`; 0 where not one fits.
  uint32_t pages_within(uint64_t memory) const;

 private:
  explicit group_sizes(const model_config& model) : model_(model) {}

  model_config model_;
  std::vector<shard_sizes> ranks_;
  uint64_t exchange_bytes_ = 0;
};

struct group_plan_request {
  /// kv_pages: those that are wanted; 0: as many as fit.
  shard_config shard;
  /// Bytes for all ranks together.
  uint64_t memory = 0;
  /// Positions of one stream; 0: as many as the model and the pages allow.
  uint32_t context = 0;
};

struct group_plan {
  std::vector<shard_plan> ranks;
  uint64_t exchange_bytes = 0;
  /// Of all together.
  uint64_t bytes = 0;
  uint32_t kv_pages = 0;
  /// Positions of one stream.
  uint32_t context = 0;
  /// Streams of so many positions whose keys and values fit at once.
  uint32_t streams = 0;

  uint64_t kv_positions() const { return uint64_t{kv_pages} * kv_page_positions; }
};

/// Errors, each with its numbers: those of group_sizes::read; invalid_argument (the context is longer than the model's
/// or than the pages); out_of_memory (it does not fit in the memory).
result<group_plan> plan_group(const group_plan_request& request);

}  // namespace troupe
