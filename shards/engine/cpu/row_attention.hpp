// Attention of the rows of a step on the threads of a rank: which queries go through the keys and values together.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "shards/engine/backend.hpp"
#include "shards/engine/cpu/cpu_kernels.hpp"
#include "shards/engine/cpu/cpu_kv_memory.hpp"
#include "shards/engine/worker_pool.hpp"

namespace troupe {

/// Used from the thread that uses the pool.
class row_attention {
 public:
  row_attention(const cpu_kernels& kernels, worker_pool& pool) : kernels_(kernels), pool_(pool) {}

  /// As backend::attention.
  void run(const attention_shape& shape, rows_view qkv, std::span<const row_place> rows, const cpu_kv_memory& kv,
           uint32_t layer, rows_view out);

 private:
  /// Consecutive rows of one sequence.
  struct row_block {
    uint32_t first, count;
  };
  struct job;

  void cut_rows(std::span<const row_place> rows, uint32_t rows_max);
  void attend(const job& work, const row_block& block, uint32_t kv_head) const;

  const cpu_kernels& kernels_;
  worker_pool& pool_;
  std::vector<row_block> blocks_;
};

}  // namespace troupe
