#include "shards/model/tensor.hpp"

#include <array>
#include <bit>
#include <cstring>

#include "base/check.hpp"

namespace troupe {
namespace {

static_assert(std::endian::native == std::endian::little, "weight files are little-endian and are read as they lie");

struct dtype_info {
  std::string_view name;
  uint64_t size;
};

// In the order of the enumeration.
constexpr std::array<dtype_info, 15> infos{{{"BOOL", 1},
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
                                            {"F64", 8}}};

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

}  // namespace

std::string_view name(dtype type) { return info(type).name; }
uint64_t size_of(dtype type) { return info(type).size; }
bool is_weight(dtype type) { return type == dtype::bf16 || type == dtype::f16 || type == dtype::f32; }

std::optional<dtype> parse_dtype(std::string_view text) {
  for (size_t i = 0; i < infos.size(); ++i) {
    if (infos[i].name == text) return static_cast<dtype>(i);
  }
  return std::nullopt;
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
  const std::byte* from = tensor.data.data() + first * size_of(tensor.type);
  switch (tensor.type) {
    case dtype::f32: std::memcpy(out.data(), from, out.size_bytes()); return;
    case dtype::bf16: read_halves<bf16_to_f32>(from, out); return;
    case dtype::f16: read_halves<f16_to_f32>(from, out); return;
    default: TROUPE_CHECK(is_weight(tensor.type));
  }
}

float bf16_to_f32(uint16_t bits) { return std::bit_cast<float>(static_cast<uint32_t>(bits) << 16); }

uint16_t f32_to_bf16(float value) {
  const auto bits = std::bit_cast<uint32_t>(value);
  if ((bits & 0x7fffffffU) > 0x7f800000U) return static_cast<uint16_t>((bits >> 16) | 0x40U);
  return static_cast<uint16_t>((bits + 0x7fffU + ((bits >> 16) & 1U)) >> 16);
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
