// Packing of activations, over what an instruction set brings. Included only by the files of one instruction set each;
// everything here is local to them.
#pragma once

#include "shards/engine/cpu/product_kernels.hpp"

namespace troupe {
namespace {

/// Words that are converted before they are turned: they stay in the first-level cache.
inline constexpr uint32_t turned_words = 64;

/// to[w][r] = from[r][w]: (rows, turned_words) to (count, rows).
inline void turn(const uint32_t* from, uint32_t rows, uint32_t count, uint32_t* to) {
  for (uint32_t w = 0; w < count; ++w)
    for (uint32_t r = 0; r < rows; ++r) to[w * rows + r] = from[r * turned_words + w];
}

template <class Visit>
void for_groups(const pack_task& task, const Visit& visit) {
  for (uint32_t s = task.first; s < task.last; ++s)
    for (uint32_t g = task.cut.segments[s].first_group; g < task.cut.segments[s].last_group; ++g)
      visit(task.cut.groups[g]);
}

/// Converter::words(x, count, to): `count` activations to ceil(count / per_word) words; the rest of the last is zero.
/// A group's words beyond these are zero too.
template <class Converter>
void pack_floats(const pack_task* task) {
  constexpr uint32_t depth = turned_words * Converter::values_per_x;
  const uint32_t rows = task->rows;
  for_groups(*task, [&](const k_group& group) {
    uint32_t* to = task->to.words + size_t{group.words_before} * Converter::x_per_word * rows;
    for (uint32_t k = 0; k < group.words * Converter::x_per_word * Converter::values_per_x; k += depth) {
      alignas(64) uint32_t words[block_rows_max * turned_words] = {};
      const uint32_t left = group.count > k ? group.count - k : 0;
      const uint32_t count = left < depth ? left : depth;
      for (uint32_t r = 0; r < rows; ++r)
        Converter::words(task->x + r * task->x_stride + group.begin + k, count, words + r * turned_words);
      const uint32_t words_left = group.words * Converter::x_per_word - k / Converter::values_per_x;
      const uint32_t turning = words_left < turned_words ? words_left : turned_words;
      turn(words, rows, turning, to);
      to += size_t{turning} * rows;
    }
  });
}

struct row_scale {
  float scale, inverse;
};

inline row_scale scale_of_largest(uint32_t bits) {
  const float value = __builtin_bit_cast(float, bits);
  if (bits >= 0x7f800000U) return {__builtin_nanf(""), 0};
  if (value < 0x1p-100F) return {0, 0};
  return {value / 127, 127 / value};
}

/// Quantiser::largest_bits(x, count): the largest of the bits without the sign.
/// Quantiser::quantise(x, count, inverse, to): `count` <= 128 activations to int8, zero up to the next multiple of 32;
/// returns their sum.
template <class Quantiser, weight_format Format>
void pack_integers(const pack_task* task) {
  constexpr uint32_t quads_per_word = values_per_word(Format) / 4;
  constexpr int32_t offset = Format == weight_format::int8 ? 128 : 8;
  const uint32_t rows = task->rows;
  for (uint32_t s = task->first; s < task->last; ++s) {
    const k_segment& segment = task->cut.segments[s];
    const k_group& end = task->cut.groups[segment.last_group - 1];
    const uint32_t begin = task->cut.groups[segment.first_group].begin;
    row_scale by[block_rows_max];
    for (uint32_t r = 0; r < rows; ++r) {
      by[r] = scale_of_largest(
          Quantiser::largest_bits(task->x + r * task->x_stride + begin, end.begin + end.count - begin));
      task->to.scales[size_t{s} * rows + r] = by[r].scale;
    }
    for (uint32_t g = segment.first_group; g < segment.last_group; ++g) {
      const k_group& group = task->cut.groups[g];
      alignas(64) uint32_t words[block_rows_max * turned_words];
      for (uint32_t r = 0; r < rows; ++r) {
        const int32_t sum = Quantiser::quantise(task->x + r * task->x_stride + group.begin, group.count, by[r].inverse,
                                                words + r * turned_words);
        task->to.starts[size_t{g} * rows + r] = -offset * sum;
      }
      turn(words, rows, group.words * quads_per_word,
           task->to.words + size_t{group.words_before} * quads_per_word * rows);
    }
  }
}

}  // namespace
}  // namespace troupe
