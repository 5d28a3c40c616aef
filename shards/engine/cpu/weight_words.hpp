// From tensors as files have them to words of packed weights: which format a tensor is packed in, and a column's words
// of one group of k.
#pragma once

#include <cstdint>
#include <span>

#include "shards/engine/cpu/product_kernels.hpp"
#include "shards/model/tensor.hpp"

namespace troupe {

/// How weights are packed.
struct weight_type {
  weight_format format = weight_format::f32;
  /// int8, int4: the k that share a scale.
  uint32_t group = 0;

  friend bool operator==(const weight_type&, const weight_type&) = default;
};

/// What the tensor's weights are packed as: exactly what they are, but Q4_K and Q6_K, whose groups have minima or are
/// too short for the kernels: these become int8 in groups of 32, as if they had been quantised to it.
weight_type weight_type_of(const tensor_view& tensor);

/// The words of one group for the 32 columns of a panel, each column by itself.
struct column_words {
  static constexpr uint32_t words_max = 256;

  std::span<uint32_t, words_max> of(uint64_t column) {
    return std::span<uint32_t, words_max>(words[column], words_max);
  }

  // Rows that begin in different sets of the cache.
  uint32_t words[panel_columns][words_max + 16];
  /// f16 bits.
  uint16_t scales[panel_columns];
};

/// Row `row`, columns [first_column, first_column + group.count) of the tensor.
void read_words(const tensor_view& tensor, uint64_t row, uint64_t first_column, const k_group& group,
                const weight_type& type, std::span<uint32_t, column_words::words_max> words, uint16_t& scale);

/// To the group's place in a panel: [words][32], behind the scales where there are some.
void turn_words(const column_words& from, uint32_t words, bool with_scales, uint8_t* to);

}  // namespace troupe
