// The products of activations and packed weights: for each format of weights one pair of functions, `pack` and
// `multiply`, and for each instruction set a table of such pairs. scalar_products.cpp is the definition; the others
// give its bits.
//
// Weights lie in panels of 32 output columns, in words of 32 bits: a word holds 1 f32, 2 f16 or bf16, 4 int8 or 8 int4
// of one column, consecutive in k; 32 words, one for each column, are 128 bytes. K is cut into groups (k_group); a
// panel is its groups one after the other:
//
//   f32, f16, bf16   words[group.words][32]
//   int8, int4       32 scales (f16), then words[group.words][32]
//
// In a word of f16 or bf16 the earlier k is the upper half (the instruction vdpbf16ps begins with it). An int8 is kept
// as value + 128, an int4 as value + 8; of the 8 int4 of a word the low nibble of byte b is the b-th, the high nibble
// the (4 + b)-th. What is beyond the end of K in a group's last word is zero: as the value, not as the code.
//
// What a product is, for every format: sums[r][n] goes through the groups in order, and
//
//   f32, f16, bf16   sum = fma(x[k], w[k][n], sum) for each k in order. For bf16, x is rounded to bf16 before, to the
//                    nearest, ties to even.
//   int8, int4       part = fma(float(sum over the group of q[k] * w[k][n]), scale[group][n], part) for the groups of a
//                    segment, from zero; then sum = fma(part, x_scale[segment], sum). The inner sum is of integers, so
//                    its order is free. A segment is at most 128 consecutive k, which share the scale of the
//                    activations: x_scale = largest |x| / 127, q = x * (127 / largest |x|) rounded to the nearest
//                    integer, ties to even. Where the largest is below 2^-100, q and x_scale are 0; where it is no
//                    finite number, q is 0 and x_scale NaN.
//
// Every fma here takes operands below 2^-126 as zero and gives zero instead of a result below 2^-126, with its sign:
// that is what vdpbf16ps does, and the others do it alike.
//
// This header and the files that implement it use no templates or inline functions of the standard library: what such a
// file compiles for a new processor the linker could pick for the whole program.
#pragma once

#include <cstddef>
#include <cstdint>

namespace troupe {

enum class weight_format : uint8_t { f32, f16, bf16, int8, int4 };
inline constexpr uint32_t weight_formats = 5;

/// Output columns of a panel.
inline constexpr uint32_t panel_columns = 32;
inline constexpr uint32_t panel_word_bytes = panel_columns * sizeof(uint32_t);
/// The scales of a group of int8 or int4.
inline constexpr uint32_t panel_scale_bytes = panel_columns * sizeof(uint16_t);
/// The largest group of int8 or int4, and the largest segment.
inline constexpr uint32_t segment_depth_max = 128;

/// Rows of the activations that one call takes at most, whatever the table.
inline constexpr uint32_t block_rows_max = 12;

constexpr uint32_t values_per_word(weight_format format) {
  switch (format) {
    case weight_format::f32: return 1;
    case weight_format::f16:
    case weight_format::bf16: return 2;
    case weight_format::int8: return 4;
    case weight_format::int4: return 8;
  }
  return 1;
}
constexpr bool is_integer(weight_format format) {
  return format == weight_format::int8 || format == weight_format::int4;
}

/// Consecutive k that share a scale of the weights. The float formats have no scales; their groups only cut long rows.
struct k_group {
  /// Where it begins in the row of activations, and how many.
  uint32_t begin = 0, count = 0;
  /// Its words, and the words of the groups before it.
  uint32_t words = 0, words_before = 0;
  /// Where it begins in a panel, in bytes.
  uint64_t panel_offset = 0;
};

/// Consecutive groups that share a scale of the activations; at most segment_depth_max k for int8 and int4.
struct k_segment {
  uint32_t first_group = 0, last_group = 0;
};

/// How a matrix cuts K: for all its panels alike.
struct k_cut {
  const k_group* groups = nullptr;
  const k_segment* segments = nullptr;
};

/// A block of at most `block_rows` rows of activations, packed:
///   words    for the word w of the weights, x_per_word * rows values from w * x_per_word * rows on: [x_per_word][rows]
///   starts   int8, int4: [group][rows], what the inner sum begins with; it takes the 128 or 8 of the codes off again
///   scales   int8, int4: [segment][rows]
struct packed_rows {
  uint32_t* words = nullptr;
  int32_t* starts = nullptr;
  float* scales = nullptr;
};

struct pack_task {
  /// (rows, K), rows at x_stride.
  const float* x;
  size_t x_stride;
  uint32_t rows;
  k_cut cut;
  /// Segments [first, last) are packed, each to its place.
  uint32_t first, last;
  packed_rows to;
};

struct product_task {
  packed_rows x;
  uint32_t rows;
  k_cut cut;
  /// Each part is a sum of its own, of the segments [bounds[part], bounds[part + 1]) in order.
  const uint32_t* bounds;
  uint32_t parts;
  const uint8_t* panel;
  /// (parts, rows, 32); added to.
  float* sums;
};

struct product_kernel {
  /// Rows of a block, at most block_rows_max.
  uint32_t block_rows;
  /// 32-bit values of a row's packed activations for each word of weights.
  uint32_t x_per_word;
  void (*pack)(const pack_task* task);
  void (*multiply)(const product_task* task);
};

/// One for each format, at its number.
struct product_kernels {
  const char* name;
  product_kernel of[weight_formats];
};

const product_kernels& scalar_products();
/// Each only where the processor has what it is compiled for; only on x86-64.
const product_kernels& avx2_products();
/// f32, f16, bf16 by fused multiply-adds.
const product_kernel& avx512_float_product(weight_format format);

const product_kernel& avx512_bf16_product();
const product_kernel& avx512_vnni_product(weight_format format);

}  // namespace troupe
