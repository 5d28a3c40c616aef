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

/// The element types of the safetensors format. Weights are bf16, f16 or f32; files may hold the others beside them.
enum class dtype : uint8_t { boolean, u8, i8, f8_e5m2, f8_e4m3, i16, u16, f16, bf16, i32, u32, f32, i64, u64, f64 };

/// As safetensors spells it: "BF16".
std::string_view name(dtype type);
std::optional<dtype> parse_dtype(std::string_view text);
/// Bytes of one element.
uint64_t size_of(dtype type);
/// Whether we compute with it: bf16, f16, f32.
bool is_weight(dtype type);

struct tensor_view {
  std::string name;
  dtype type = dtype::f32;
  /// Row-major, the outermost dimension first; no dimension: one element.
  std::vector<uint64_t> shape;
  /// Little-endian elements. Not necessarily aligned to the element: read it with memcpy or read_f32.
  std::span<const std::byte> data;

  uint64_t elements() const { return data.size() / size_of(type); }
};

/// "[640, 256]"
std::string shape_text(std::span<const uint64_t> shape);

/// Converts the elements from `first` on to f32, exactly, as many as `out` holds. The tensor must be a weight
/// (is_weight) and have them. A rank reads its slice with it, row by row, without touching the rest of the file.
void read_f32(const tensor_view& tensor, uint64_t first, std::span<float> out);

/// One element's bits as f32, exactly; subnormals, infinities and NaN included.
float bf16_to_f32(uint16_t bits);
float f16_to_f32(uint16_t bits);
/// To the nearest, ties to even; NaN stays NaN.
uint16_t f32_to_bf16(float value);

}  // namespace troupe
