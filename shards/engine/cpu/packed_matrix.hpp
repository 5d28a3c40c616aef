// A matrix as the kernels read it: panels of 32 output columns, front to back (product_kernels.hpp), in the format that
// its source has or that holds it exactly.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "shards/engine/backend.hpp"
#include "shards/engine/cpu/product_kernels.hpp"
#include "shards/engine/cpu/weight_words.hpp"
#include "shards/engine/memory_arena.hpp"
#include "shards/engine/worker_pool.hpp"

namespace troupe {

/// What the products of a matrix need of each row of their input.
struct packed_depth {
  weight_format format{};
  /// 32-bit words of one column.
  uint32_t words = 0;
  uint32_t groups = 0, segments = 0;
};

class packed_matrix final : public matrix {
 public:
  /// f16, bf16 and f32 stay what they are; mixtures become f32, which holds them exactly. The words are in
  /// `memory`, which must outlive the result. Errors: out_of_memory.
  static result<std::unique_ptr<packed_matrix>> pack(const matrix_source& source, worker_pool& pool,
                                                     memory_arena& memory);
  /// What pack() would take.
  static uint64_t bytes(const matrix_source& source);
  /// What depth() of it would be.
  static packed_depth depth(const matrix_source& source);

  uint64_t outputs() const override { return outputs_; }
  uint64_t inputs() const override { return inputs_; }
  epilogue finish() const { return finish_; }
  weight_format format() const { return type_.format; }
  uint64_t panels() const { return panels_; }
  /// Output columns that one panel makes: 32, or 16 where it holds 16 of gate and then 16 of up.
  uint64_t panel_outputs() const { return is_gated(finish_) ? panel_columns / 2 : panel_columns; }
  const uint8_t* panel(uint64_t index) const { return data_ + index * panel_bytes_; }
  /// (outputs), or empty.
  std::span<const float> bias() const { return bias_; }

  k_cut cut() const { return {groups_.data(), segments_.data()}; }
  uint32_t groups() const { return static_cast<uint32_t>(groups_.size()); }
  uint32_t segments() const { return static_cast<uint32_t>(segments_.size()); }
  /// 32-bit words of one column.
  uint32_t words() const { return words_of(groups_); }
  packed_depth depth() const { return {format(), words(), groups(), segments()}; }
  /// Of the shards of K, as bounds of segments, from 0 to segments(); one shard where the finish is another than
  /// `partial` and `shards`.
  std::span<const uint32_t> shard_segments() const { return shard_segments_; }

 private:
  static uint32_t words_of(std::span<const k_group> groups) {
    return groups.empty() ? 0 : groups.back().words_before + groups.back().words;
  }
  void fill_panel(const matrix_source& source, uint64_t panel);

  uint64_t outputs_ = 0, inputs_ = 0, panels_ = 0, panel_bytes_ = 0;
  epilogue finish_ = epilogue::none;
  weight_type type_;
  std::vector<k_group> groups_;
  std::vector<k_segment> segments_;
  std::vector<uint32_t> shard_segments_;
  std::vector<float> bias_;
  uint8_t* data_ = nullptr;
};

}  // namespace troupe
