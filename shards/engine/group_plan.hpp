// What a group of ranks takes of each of its hosts, and what fits beside it, before any of it is loaded: the sizes of
// its ranks (shard_plan.hpp) put together.
#pragma once

#include <cstdint>
#include <vector>

#include "base/result.hpp"
#include "shards/engine/shard_plan.hpp"

namespace troupe {

/// All ranks of one group.
class group_sizes {
 public:
  /// Of the configuration, its rank and pages do not matter; `hosts` have as many ranks each, those of consecutive
  /// numbers. Reads what the model says and the headers of its weights. Errors: those of the files (they name file, key
  /// or tensor); invalid_argument (a number is out of its bounds, the model cannot be split so, the ranks not among so
  /// many hosts).
  static result<group_sizes> read(const shard_config& config, uint32_t hosts);

  const model_config& model() const { return model_; }
  /// By rank.
  std::vector<shard_plan> with(uint32_t kv_pages) const;
  uint32_t ranks_of_host() const { return static_cast<uint32_t>(ranks_.size()) / hosts_; }
  /// Through which the ranks of a host exchange numbers with all others: shared memory, or buffers of each.
  uint64_t exchange_bytes() const { return exchange_bytes_; }
  /// Of the host that needs most.
  uint64_t bytes(uint32_t kv_pages) const;
  /// The most pages with which no host needs more than `memory`; 0 where not one fits.
  uint32_t pages_within(uint64_t memory) const;

 private:
  group_sizes(const model_config& model, uint32_t hosts) : model_(model), hosts_(hosts) {}

  model_config model_;
  uint32_t hosts_;
  std::vector<shard_sizes> ranks_;
  uint64_t exchange_bytes_ = 0;
};

struct group_plan_request {
  /// kv_pages: those that are wanted; 0: as many as fit.
  shard_config shard;
  /// Among which the ranks are spread.
  uint32_t hosts = 1;
  /// Bytes that each host has.
  uint64_t memory = 0;
  /// Positions of one stream; 0: as many as the model and the pages allow.
  uint32_t context = 0;
};

struct group_plan {
  std::vector<shard_plan> ranks;
  /// As in group_sizes.
  uint64_t exchange_bytes = 0;
  /// Of the host that needs most.
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
