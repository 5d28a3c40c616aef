// A matrix as the kernels read it: panels of 32 output columns, each [k][32], so that one row of activations is
// multiplied with two or four vectors of consecutive memory and the weights are read once, front to back.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "shards/engine/backend.hpp"
#include "shards/engine/cpu/cpu_kernels.hpp"
#include "shards/engine/mapped_memory.hpp"

namespace troupe {

class packed_matrix final : public matrix {
 public:
  /// bf16 stays bf16; f32, f16 (which f32 holds exactly) and mixtures become f32. Errors: out_of_memory.
  static result<std::unique_ptr<packed_matrix>> pack(const matrix_source& source);
  /// What pack() would take.
  static uint64_t bytes(const matrix_source& source);

  uint64_t outputs() const override { return outputs_; }
  uint64_t inputs() const override { return inputs_; }
  epilogue finish() const { return finish_; }
  uint64_t panels() const { return panels_; }
  /// Output columns that one panel makes: 32, or 16 where it holds 16 of gate and then 16 of up.
  uint64_t panel_outputs() const { return finish_ == epilogue::silu_mul ? panel_columns / 2 : panel_columns; }
  /// (outputs), or empty.
  std::span<const float> bias() const { return bias_; }
  /// Of the shards of K, from 0 to inputs(); for `partial`.
  std::span<const uint64_t> shard_bounds() const { return shard_bounds_; }

  /// sums += x * panel^T over k in [k_begin, k_end). x points to the row's element 0.
  void add_products(const cpu_kernels& kernels, uint64_t panel, const float* x, size_t x_stride, uint32_t rows,
                    uint64_t k_begin, uint64_t k_end, float* sums) const;

 private:
  void fill_panel(const matrix_source& source, uint64_t panel);

  uint64_t outputs_ = 0, inputs_ = 0, panels_ = 0;
  epilogue finish_ = epilogue::none;
  bool is_bf16_ = false;
  std::vector<float> bias_;
  std::vector<uint64_t> shard_bounds_;
  mapped_memory memory_;
};

}  // namespace troupe
