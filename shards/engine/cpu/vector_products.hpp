// The products of the float formats over vectors of 16 floats, by fused multiply-adds. Included only by the files of
// one instruction set each, after the vector; everything here is local to them.
#pragma once

#include "shards/engine/cpu/unrolled.hpp"
#include "shards/engine/cpu/vector_packing.hpp"

namespace troupe {
namespace {

/// Activations stay f32; for bf16 they are rounded to it.
template <weight_format Format>
struct float_converter {
  static constexpr uint32_t x_per_word = values_per_word(Format);
  static constexpr uint32_t values_per_x = 1;

  static void words(const float* x, uint32_t count, uint32_t* to) {
    for (uint32_t k = 0; k < count; ++k) to[k] = bits_of(x[k]);
  }

  static uint32_t bits_of(float x) {
    const uint32_t bits = __builtin_bit_cast(uint32_t, x);
    if constexpr (Format != weight_format::bf16) return bits;
    const uint32_t size = bits & 0x7fffffffU;
    if (size < 0x00800000U) return bits & 0x80000000U;
    if (size > 0x7f800000U) return bits;
    return (bits + 0x7fffU + ((bits >> 16) & 1U)) & 0xffff0000U;
  }
};

/// The weights of one k in a word's vector: the earlier k is the upper half.
template <class Vector, weight_format Format>
__attribute__((always_inline)) inline Vector weights_at(typename Vector::words words, uint32_t i) {
  if constexpr (Format == weight_format::f32) return Vector::bits_of(words);
  if constexpr (Format == weight_format::f16) return i == 0 ? Vector::upper_f16(words) : Vector::lower_f16(words);
  return i == 0 ? Vector::upper_bf16(words) : Vector::lower_bf16(words);
}

/// Not part of its caller: there g++ 12 would keep its sums in memory.
template <class Vector, weight_format Format, int... Row, int... Column>
__attribute__((noinline)) void multiply_columns(const product_part& task, uint32_t first, indices<Row...>,
                                                indices<Column...>) {
  constexpr int rows = sizeof...(Row);
  constexpr int columns = sizeof...(Column);
  constexpr uint32_t lanes = 16;
  Vector sum[rows][columns];
  const auto load = [&](Vector(&to)[columns], const float* from) __attribute__((always_inline)) {
    ((to[Column] = Vector::load(from + Column * lanes)), ...);
  };
  (load(sum[Row], task.sums + Row * panel_columns + first), ...);
  for (uint32_t s = task.first; s < task.last; ++s) {
    const k_group& group = task.cut.groups[s];
    const uint32_t* x = task.x.words + size_t{group.words_before} * values_per_word(Format) * rows;
    const uint8_t* words = task.panel + group.panel_offset + first * sizeof(uint32_t);
    for (uint32_t w = 0; w < group.words; ++w, words += panel_word_bytes) {
      const typename Vector::words of_word[columns] = {
          Vector::load_words(words + Column * lanes * sizeof(uint32_t))...};
      for (uint32_t i = 0; i < values_per_word(Format); ++i, x += rows) {
        const Vector weights[columns] = {weights_at<Vector, Format>(of_word[Column], i)...};
        const auto add = [&](Vector(&to)[columns], uint32_t value) __attribute__((always_inline)) {
          const Vector factor = Vector::all(__builtin_bit_cast(float, value));
          ((to[Column] = fma(factor, weights[Column], to[Column])), ...);
        };
        (add(sum[Row], x[Row]), ...);
      }
    }
  }
  const auto store = [&](const Vector(&from)[columns], float* to) __attribute__((always_inline)) {
    (from[Column].store(to + Column * lanes), ...);
  };
  (store(sum[Row], task.sums + Row * panel_columns + first), ...);
}

template <class Vector, weight_format Format>
struct float_rows {
  template <int Rows>
  static void run(const product_task& task) {
    constexpr int columns = Vector::product_vectors;
    for_parts(task, [](const product_part& part) {
      for (uint32_t first = 0; first < panel_columns; first += columns * 16)
        multiply_columns<Vector, Format>(part, first, typename count_up<Rows>::type{},
                                         typename count_up<columns>::type{});
    });
  }
};

template <class Vector, weight_format Format>
void multiply_floats(const product_task* task) {
  const flush_scope flushing;
  run_with_rows<float_rows<Vector, Format>, Vector::product_rows>(*task, task->rows);
}

template <class Vector, weight_format Format>
constexpr product_kernel float_product = {Vector::product_rows, values_per_word(Format),
                                          pack_floats<float_converter<Format>>, multiply_floats<Vector, Format>};

}  // namespace
}  // namespace troupe
