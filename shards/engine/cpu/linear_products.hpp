// x * weights^T on the threads of a rank: packs the rows, cuts the work into panels, adds the shards of K in their tree
// and finishes the sums.
#pragma once

#include <cstdint>

#include "base/result.hpp"
#include "shards/engine/backend.hpp"
#include "shards/engine/cpu/cpu_kernels.hpp"
#include "shards/engine/cpu/packed_matrix.hpp"
#include "shards/engine/cpu/product_kernels.hpp"
#include "shards/engine/cpu/upcoming_weights.hpp"
#include "shards/engine/mapped_memory.hpp"
#include "shards/engine/worker_pool.hpp"

namespace troupe {

/// Used from the thread that uses the pool.
class linear_products {
 public:
  linear_products(const product_kernels& products, const cpu_kernels& kernels, worker_pool& pool,
                  upcoming_weights& upcoming)
      : products_(products), kernels_(kernels), pool_(pool), upcoming_(upcoming) {}

  /// Room for `rows` packed rows of every matrix seen so far. Errors: out_of_memory.
  result<void> reserve(uint32_t rows);
  /// Notes what the matrix needs of a row.
  void add(const packed_matrix& weights) { needs_.add(weights.depth(), products_); }
  /// What reserve() takes where these are the matrices.
  uint64_t rows_bytes(std::span<const matrix_source> sources, uint32_t rows) const;

  /// x: (rows, inputs), out: (rows, outputs, or shards of them); rows as reserved at most, of a matrix that was added.
  void run(const packed_matrix& weights, rows_view x, uint32_t rows, rows_view out);

 private:
  struct row_range {
    uint32_t begin, end;
    uint32_t size() const { return end - begin; }
  };
  /// What one run works on.
  struct job {
    const packed_matrix& weights;
    const product_kernel& kernel;
    rows_view x;
    uint32_t rows, blocks;
    rows_view out;

    row_range block(uint32_t index) const {
      return {static_cast<uint32_t>(uint64_t{rows} * index / blocks),
              static_cast<uint32_t>(uint64_t{rows} * (index + 1) / blocks)};
    }
  };
  struct tile;
  /// The most that one row takes of each, in numbers of 32 bits.
  struct row_needs {
    uint64_t words = 0, starts = 0, scales = 0;
    void add(const packed_depth& depth, const product_kernels& products);
  };

  packed_rows place_of(const job& work, uint32_t row) const;
  void pack(const job& work);
  void multiply_panel(const job& work, uint64_t panel) const;
  void multiply_shards(const job& work, uint64_t panel, tile& sums) const;
  void sum_segments(const job& work, uint64_t panel, row_range blocks, uint32_t first, uint32_t last, tile& sums) const;
  void sum_shards(const job& work, uint64_t panel, row_range blocks, uint32_t shard, uint32_t count, tile& sums) const;
  /// Of sums (rows, 32).
  void finish(const job& work, uint64_t panel, row_range blocks, const float* from, uint64_t first_column) const;

  const product_kernels& products_;
  const cpu_kernels& kernels_;
  worker_pool& pool_;
  upcoming_weights& upcoming_;
  uint32_t rows_max_ = 0;
  row_needs needs_;
  mapped_memory words_, starts_, scales_;
};

}  // namespace troupe
