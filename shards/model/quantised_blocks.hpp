// The block types of GGUF, and two of ours, as they lie in the file: elements of one row, a few dozen at a time, share
// a scale. The layouts are those of ggml (github.com/ggml-org/ggml: the block_* structs of src/ggml-common.h, and
// dequantize_row_* of src/ggml-quants.c); the engine's kernels read the same bytes, so every offset has its name here.
//
// Scales are f16, little-endian; nothing is aligned. A block's value is computed in f32: the product of scale and
// sub-scale is exact, then one rounding for each step that is written.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "base/result.hpp"
#include "shards/model/tensor.hpp"

namespace troupe {

/// The longest block, in elements.
inline constexpr size_t block_elements_max = 256;

/// value[i] = scale * int8(quants[i])
namespace q8_0_block {
inline constexpr size_t elements = 32, bytes = 34, scale_at = 0, quants_at = 2;
}  // namespace q8_0_block

/// value[i] = scale * (nibble[i] - 8); byte j of the nibbles holds element j (low) and element j + 16 (high).
namespace q4_0_block {
inline constexpr size_t elements = 32, bytes = 18, scale_at = 0, nibbles_at = 2;
}  // namespace q4_0_block

/// Ours, for `troupe model quantise`: as q8_0 and q4_0 with 128 elements.
namespace q8_128_block {
inline constexpr size_t elements = 128, bytes = 130, scale_at = 0, quants_at = 2;
}  // namespace q8_128_block
namespace q4_128_block {
inline constexpr size_t elements = 128, bytes = 66, scale_at = 0, nibbles_at = 2;
}  // namespace q4_128_block

/// Eight groups of 32: value[i] = scale * group_scale * nibble[i] - min * group_min.
/// Of each 32 bytes of nibbles the low halves are one group, the high halves the next. The 12 bytes at `groups_at` hold
/// eight scales and eight minima of 6 bits: group g < 4 has the low 6 bits of byte g and of byte g + 4; group g >= 4
/// has the low and the high half of byte g + 4, and above them the high 2 bits of byte g - 4 and of byte g.
namespace q4_k_block {
inline constexpr size_t elements = 256, bytes = 144, scale_at = 0, min_at = 2, groups_at = 4, nibbles_at = 16;
}  // namespace q4_k_block

/// Sixteen groups of 16: value[i] = scale * int8(group_scale[i / 16]) * (six_bits[i] - 32).
/// Each half of 128 elements has 64 bytes of low bits and 32 of high bits. Element 32 q + l of a half (q < 4, l < 32)
/// has its low 4 bits in byte l + 32 (q % 2) of the former, in the low nibble where q < 2, and its high 2 bits in byte
/// l of the latter, at bit 2 q.
namespace q6_k_block {
inline constexpr size_t elements = 256, bytes = 210, low_at = 0, high_at = 128, group_scales_at = 192, scale_at = 208;
}  // namespace q6_k_block

/// Writes the elements of one block. `type` is a block type; `block` has its bytes, `out` room for its elements.
void dequantise_block(dtype type, const std::byte* block, float* out);

/// A tensor as `troupe model quantise` writes it, "X#Q8_128" of U8 (rows, bytes), becomes "X" of that block type;
/// others stay as they are. Error (corrupt): names what is wrong with it.
result<void> read_quantised_name(tensor_view& tensor);

/// Whether every scale (and minimum) in rows [row_begin, row_end) is a finite number; true for types without blocks.
/// Reads those rows' memory. Error (corrupt): names the tensor and the row.
result<void> check_scales(const tensor_view& tensor, uint64_t row_begin, uint64_t row_end);
/// The same for all rows.
result<void> check_scales(const tensor_view& tensor);

}  // namespace troupe
