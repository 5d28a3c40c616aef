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

/// The words of a few consecutive groups for the 32 columns of a panel, each column by itself: a row of weights is read
/// a kilobyte at a time, which memory gives faster than less.
struct column_words {
  static constexpr uint32_t words_max = 256;

  // Rows that begin in different sets of the cache.
  uint32_t words[panel_columns][words_max + 16];
  /// f16 bits, by group.
  uint16_t scales[words_max][panel_columns];
};

/// How many of `groups` fit, from the first on; at least one.
size_t groups_that_fit(std::span<const k_group> groups);

/// A row of weights, from a column on.
struct weight_row {
  /// None: there are only zeros, of scale zero, that fill a panel up.
  const tensor_view* tensor = nullptr;
  uint64_t row = 0;
  /// Where a group's count begins.
  uint64_t first_column = 0;
};

/// The groups' weights to `column` of the words.
void read_words(const weight_row& from, std::span<const k_group> groups, const weight_type& type, uint32_t column,
                column_words& to);

/// Asks for what read_words() is going to read, where the tensor has the row.
void prefetch_words(const weight_row& from, std::span<const k_group> groups);

/// To the groups' places in a panel: [words][32], behind the scales where there are some.
void turn_words(const column_words& from, std::span<const k_group> groups, bool with_scales, uint8_t* panel);

}  // namespace troupe
