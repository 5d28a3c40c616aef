#include "shards/model/tensor.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

#include "base/check.hpp"
#include "shards/model/quantised_blocks.hpp"

namespace troupe {
namespace {

static_assert(std::endian::native == std::endian::little, "weight files are little-endian and are read as they lie");

struct dtype_info {
  std::string_view name;
  uint64_t block_bytes;
  uint64_t block_elements = 1;
};

// In the order of the enumeration.
constexpr std::array<dtype_info, 21> infos{{{"BOOL", 1},
                                            {"U8", 1},
                                            {"I8", 1},
                                            {"F8_E5M2", 1},
                                            {"F8_E4M3", 1},
                                            {"I16", 2},
                                            {"U16", 2},
                                            {"F16", 2},
                                            {"BF16", 2},
                                            {"I32", 4},
                                            {"U32", 4},
                                            {"F32", 4},
                                            {"I64", 8},
                                            {"U64", 8},
                                            {"F64", 8},
                                            {"Q8_0", q8_0_block::bytes, q8_0_block::elements},
                                            {"Q4_0", q4_0_block::bytes, q4_0_block::elements},
                                            {"Q4_K", q4_k_block::bytes, q4_k_block::elements},
                                            {"Q6_K", q6_k_block::bytes, q6_k_block::elements},
                                            {"Q8_128", q8_128_block::bytes, q8_128_block::elements},
                                            {"Q4_128", q4_128_block::bytes, q4_128_block::elements}}};

const dtype_info& info(dtype type) {
  auto index = static_cast<size_t>(type);
  TROUPE_CHECK(index < infos.size());
  return infos[index];
}

template <float (*Convert)(uint16_t)>
void read_halves(const std::byte* from, std::span<float> out) {
  for (float& value : out) {
    uint16_t bits = 0;
    std::memcpy(&bits, from, sizeof bits);
    value = Convert(bits);
    from += sizeof bits;
  }
}

/// From any element on: a block is converted as a whole, and what was asked for is taken from it.
void read_blocks(const tensor_view& tensor, uint64_t first, std::span<float> out) {
  const uint64_t elements = block_elements(tensor.type);
  std::array<float, block_elements_max> values;
  while (!out.empty()) {
    dequantise_block(tensor.type, tensor.data.data() + first / elements * block_bytes(tensor.type), values.data());
    const uint64_t skipped = first % elements;
    const size_t count = std::min<uint64_t>(out.size(), elements - skipped);
    std::copy_n(values.data() + skipped, count, out.data());
    first += count;
    out = out.subspan(count);
  }
}

/// In the order in which the elements lie.
void read_stored(const tensor_view& tensor, uint64_t first, std::span<float> out) {
  if (has_blocks(tensor.type)) return read_blocks(tensor, first, out);
  const std::byte* from = tensor.data.data() + first * size_of(tensor.type);
  switch (tensor.type) {
    case dtype::f32: std::memcpy(out.data(), from, out.size_bytes()); return;
    case dtype::bf16: read_halves<bf16_to_f32>(from, out); return;
    case dtype::f16: read_halves<f16_to_f32>(from, out); return;
    default: TROUPE_CHECK(is_weight(tensor.type));
  }
}

}  // namespace

std::string_view name(dtype type) { return info(type).name; }
bool has_blocks(dtype type) { return info(type).block_elements > 1; }
uint64_t block_elements(dtype type) { return info(type).block_elements; }
uint64_t block_bytes(dtype type) { return info(type).block_bytes; }
bool is_weight(dtype type) {
  return type == dtype::bf16 || type == dtype::f16 || type == dtype::f32 || has_blocks(type);
}

uint64_t size_of(dtype type) {
  TROUPE_CHECK(!has_blocks(type));
  return info(type).block_bytes;
}

std::optional<dtype> parse_dtype(std::string_view text) {
  for (size_t i = 0; i < infos.size(); ++i) {
    if (infos[i].name == text && infos[i].block_elements == 1) return static_cast<dtype>(i);
  }
  return std::nullopt;
}

uint64_t tensor_view::stored_row(uint64_t r) const {
  if (paired_rows == 0) return r;
  const uint64_t half = paired_rows / 2, within = r % paired_rows;
  return r - within + (within < half ? 2 * within : 2 * (within - half) + 1);
}

std::span<const std::byte> tensor_view::row(uint64_t r) const {
  TROUPE_CHECK(!shape.empty() && r < shape.front());
  const uint64_t bytes = data.size() / shape.front();
  return data.subspan(stored_row(r) * bytes, bytes);
}

std::string shape_text(std::span<const uint64_t> shape) {
  std::string text = "[";
  for (uint64_t size : shape) {
    if (text.size() > 1) text += ", ";
    text += std::to_string(size);
  }
  return text + "]";
}

void read_f32(const tensor_view& tensor, uint64_t first, std::span<float> out) {
  TROUPE_CHECK(first <= tensor.elements() && out.size() <= tensor.elements() - first);
  if (out.empty()) return;
  if (tensor.paired_rows == 0) return read_stored(tensor, first, out);
  const uint64_t width = tensor.elements() / tensor.shape.front();
  while (!out.empty()) {
    const uint64_t column = first % width;
    const size_t count = std::min<uint64_t>(out.size(), width - column);
    read_stored(tensor, tensor.stored_row(first / width) * width + column, out.first(count));
    first += count;
    out = out.subspan(count);
  }
}

float bf16_to_f32(uint16_t bits) { return std::bit_cast<float>(static_cast<uint32_t>(bits) << 16); }

uint16_t f32_to_bf16(float value) {
  const auto bits = std::bit_cast<uint32_t>(value);
  if ((bits & 0x7fffffffU) > 0x7f800000U) return static_cast<uint16_t>((bits >> 16) | 0x40U);
  return static_cast<uint16_t>((bits + 0x7fffU + ((bits >> 16) & 1U)) >> 16);
}

uint16_t f32_to_f16(float value) {
  const auto bits = std::bit_cast<uint32_t>(value);
  const auto sign = static_cast<uint16_t>((bits >> 16) & 0x8000U);
  const uint32_t size = bits & 0x7fffffffU;
  if (size > 0x7f800000U) return static_cast<uint16_t>(sign | 0x7e00U);
  if (size >= 0x477ff000U) return static_cast<uint16_t>(sign | 0x7c00U);  // 65520 and more round to infinity
  if (size < 0x38800000U) {
    // Subnormal: in units of 2^-24, which the addition of 2^23 of them rounds to.
    const float units = std::bit_cast<float>(size) * 0x1p24F + 0x1p23F;
    return static_cast<uint16_t>(sign | (std::bit_cast<uint32_t>(units) & 0x7ffU));
  }
  const uint32_t rounded = size + 0xfffU + ((size >> 13) & 1U);
  return static_cast<uint16_t>(sign | ((rounded - (112U << 23)) >> 13));
}

// IEEE 754 binary16: 1 sign, 5 exponent (bias 15) and 10 fraction bits.
float f16_to_f32(uint16_t bits) {
  uint32_t sign = static_cast<uint32_t>(bits & 0x8000U) << 16;
  uint32_t exponent = (bits >> 10) & 0x1FU;
  uint32_t fraction = bits & 0x3FFU;
  if (exponent == 0x1F) return std::bit_cast<float>(sign | 0x7F800000U | (fraction << 13));
  if (exponent != 0) return std::bit_cast<float>(sign | ((exponent + 127 - 15) << 23) | (fraction << 13));
  // Zero and subnormals: the fraction counts units of 2^-24, which a float holds exactly.
  float magnitude = static_cast<float>(fraction) * 0x1p-24F;
  return std::bit_cast<float>(sign | std::bit_cast<uint32_t>(magnitude));
}

}  // namespace troupe
