// Attention of the rows of a step on the threads of a rank: which queries go through the keys and values together, and
// who stores what they read.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "shards/engine/backend.hpp"
#include "shards/engine/cpu/cpu_kernels.hpp"
#include "shards/engine/cpu/cpu_kv_memory.hpp"
#include "shards/engine/worker_pool.hpp"

namespace troupe {

/// As backend::attention.
struct attention_job {
  const attention_shape& shape;
  head_norms norms;
  rotary_view rotary;
  rows_view qkv;
  std::span<const row_place> rows;
  const cpu_kv_memory& kv;
  uint32_t layer;
  rows_view out;
};

/// Used from the thread that uses the pool.
class row_attention {
 public:
  row_attention(const cpu_kernels& kernels, worker_pool& pool) : kernels_(kernels), pool_(pool) {}

  void run(const attention_job& job);

 private:
  /// Consecutive rows of one sequence.
  struct row_block {
    uint32_t first, count;
    /// All of the sequence's rows in this step: nobody else's have to be stored before it attends.
    bool alone;
  };

  void cut_rows(std::span<const row_place> rows, uint32_t rows_max);
  /// Of the rows of a block, what belongs to one key/value head: norms, rotates and stores it.
  void store(const attention_job& job, const row_block& block, uint32_t kv_head) const;
  void attend(const attention_job& job, const row_block& block, uint32_t kv_head) const;

  const cpu_kernels& kernels_;
  worker_pool& pool_;
  std::vector<row_block> blocks_;
};

}  // namespace troupe
