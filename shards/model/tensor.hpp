// A tensor as it lies in a weight file: name, element type, shape, bytes. Views only; weight_files owns the memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace troupe {

/// The element types of the safetensors format, then block types (quantised_blocks.hpp). Weights are bf16,
/// f16, f32 or of a block type; files may hold the others beside them.
enum class dtype : uint8_t {
  // clang-format off
  boolean, u8, i8, f8_e5m2, f8_e4m3, i16, u16, f16, bf16, i32, u32, f32, i64, u64, f64,
  q8_0, q4_0, q4_k, q6_k, q8_128, q4_128
  // clang-format on
};

/// As safetensors and ggml spell it: "BF16", "Q4_K".
std::string_view name(dtype type);
/// Of those of safetensors alone.
std::optional<dtype> parse_dtype(std::string_view text);
/// Whether the elements lie in blocks with a scale.
bool has_blocks(dtype type);
/// How many elements lie together, and in how many bytes; 1 and an element's size where there are no blocks.
uint64_t block_elements(dtype type);
uint64_t block_bytes(dtype type);
/// Bytes of one element; not for block types.
uint64_t size_of(dtype type);
/// Whether we compute with it: bf16, f16, f32, the block types.
bool is_weight(dtype type);

struct tensor_view {
  std::string name;
  dtype type = dtype::f32;
  /// Row-major, the outermost dimension first; no dimension: one element.
  std::vector<uint64_t> shape;
  /// Little-endian elements, whole blocks in each row. Not necessarily aligned to the element: read it with memcpy or
  /// read_f32.
  std::span<const std::byte> data;
  /// Not 0: the rows (the outermost dimension, a multiple of this) lie in another order, in groups of so many. GGUF
  /// files of Llama keep the rows of a query or key head in the order in which its rotary embedding pairs them: row r
  /// of a head of n lies at 2r, where r < n/2, else at 2(r - n/2) + 1. read_f32 and row() give them in the order of the
  /// shape.
  uint32_t paired_rows = 0;

  uint64_t elements() const { return data.size() / block_bytes(type) * block_elements(type); }
  /// The bytes of row `r`; rows are the outermost dimension.
  std::span<const std::byte> row(uint64_t r) const;
  /// Where row `r` lies.
  uint64_t stored_row(uint64_t r) const;
};

/// "[640, 256]"
std::string shape_text(std::span<const uint64_t> shape);

/// Converts the elements from `first` on to f32, exactly (of block types: to the value that the format defines), as
/// many as `out` holds. The tensor must be a weight (is_weight) and have them. A rank reads its slice with it, row by
/// row, without touching the rest of the file.
void read_f32(const tensor_view& tensor, uint64_t first, std::span<float> out);

/// One element's bits as f32, exactly; subnormals, infinities and NaN included.
float bf16_to_f32(uint16_t bits);
float f16_to_f32(uint16_t bits);
/// To the nearest, ties to even; NaN stays NaN.
uint16_t f32_to_bf16(float value);
/// To the nearest, ties to even; what is too large becomes infinite, NaN stays NaN.
uint16_t f32_to_f16(float value);

}  // namespace troupe
