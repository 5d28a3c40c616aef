#include "shards/model/quantised_blocks.hpp"

#include <cstring>

#include "base/check.hpp"
#include "shards/model/config_fields.hpp"

namespace troupe {
namespace {

uint32_t u8_at(const std::byte* block, size_t at) { return std::to_integer<uint32_t>(block[at]); }
float i8_at(const std::byte* block, size_t at) { return static_cast<float>(static_cast<int8_t>(block[at])); }

uint16_t half_at(const std::byte* block, size_t at) {
  uint16_t bits = 0;
  std::memcpy(&bits, block + at, sizeof bits);
  return bits;
}

float f16_at(const std::byte* block, size_t at) { return f16_to_f32(half_at(block, at)); }

void dequantise_q8_0(const std::byte* block, float* out) {
  using namespace q8_0_block;
  const float scale = f16_at(block, scale_at);
  for (size_t i = 0; i < elements; ++i) out[i] = scale * i8_at(block, quants_at + i);
}

void dequantise_q4_0(const std::byte* block, float* out) {
  using namespace q4_0_block;
  const float scale = f16_at(block, scale_at);
  for (size_t i = 0; i < elements / 2; ++i) {
    const uint32_t pair = u8_at(block, nibbles_at + i);
    out[i] = scale * (static_cast<float>(pair & 15U) - 8.0F);
    out[i + elements / 2] = scale * (static_cast<float>(pair >> 4) - 8.0F);
  }
}

struct group_q4_k {
  uint32_t scale, min;
};

group_q4_k group_of(const std::byte* packed, size_t g) {
  if (g < 4) return {u8_at(packed, g) & 63U, u8_at(packed, g + 4) & 63U};
  const uint32_t low = u8_at(packed, g + 4);
  return {(low & 15U) | (u8_at(packed, g - 4) >> 6 << 4), (low >> 4) | (u8_at(packed, g) >> 6 << 4)};
}

void dequantise_q4_k(const std::byte* block, float* out) {
  using namespace q4_k_block;
  const float scale = f16_at(block, scale_at), min = f16_at(block, min_at);
  for (size_t g = 0; g < 8; ++g) {
    const group_q4_k group = group_of(block + groups_at, g);
    const float group_scale = scale * static_cast<float>(group.scale);
    const float group_min = min * static_cast<float>(group.min);
    for (size_t i = 0; i < 32; ++i) {
      const uint32_t nibble = u8_at(block, nibbles_at + g / 2 * 32 + i) >> (g % 2 * 4) & 15U;
      out[g * 32 + i] = group_scale * static_cast<float>(nibble) - group_min;
    }
  }
}

void dequantise_q6_k(const std::byte* block, float* out) {
  using namespace q6_k_block;
  const float scale = f16_at(block, scale_at);
  for (size_t i = 0; i < elements; ++i) {
    const size_t half = i / 128, quarter = i % 128 / 32, l = i % 32;
    const uint32_t low = u8_at(block, low_at + half * 64 + quarter % 2 * 32 + l) >> (quarter / 2 * 4) & 15U;
    const uint32_t high = u8_at(block, high_at + half * 32 + l) >> (quarter * 2) & 3U;
    const float group_scale = scale * i8_at(block, group_scales_at + i / 16);
    out[i] = group_scale * (static_cast<float>(low | high << 4) - 32.0F);
  }
}

/// f16 has a finite value unless all exponent bits are set.
bool is_finite_half(const std::byte* block, size_t at) { return (half_at(block, at) & 0x7C00U) != 0x7C00U; }

template <size_t... At>
bool blocks_are_finite(std::span<const std::byte> row, size_t bytes) {
  bool finite = true;
  for (size_t at = 0; at < row.size(); at += bytes) finite = finite && (is_finite_half(row.data() + at, At) && ...);
  return finite;
}

bool row_is_finite(dtype type, std::span<const std::byte> row) {
  switch (type) {
    case dtype::q8_0: return blocks_are_finite<q8_0_block::scale_at>(row, q8_0_block::bytes);
    case dtype::q4_0: return blocks_are_finite<q4_0_block::scale_at>(row, q4_0_block::bytes);
    case dtype::q4_k: return blocks_are_finite<q4_k_block::scale_at, q4_k_block::min_at>(row, q4_k_block::bytes);
    case dtype::q6_k: return blocks_are_finite<q6_k_block::scale_at>(row, q6_k_block::bytes);
    default: return true;
  }
}

}  // namespace

void dequantise_block(dtype type, const std::byte* block, float* out) {
  switch (type) {
    case dtype::q8_0: return dequantise_q8_0(block, out);
    case dtype::q4_0: return dequantise_q4_0(block, out);
    case dtype::q4_k: return dequantise_q4_k(block, out);
    case dtype::q6_k: return dequantise_q6_k(block, out);
    default: TROUPE_CHECK(has_blocks(type));
  }
}

result<void> check_scales(const tensor_view& tensor, uint64_t row_begin, uint64_t row_end) {
  if (!has_blocks(tensor.type)) return {};
  for (uint64_t row = row_begin; row < row_end; ++row) {
    if (row_is_finite(tensor.type, tensor.row(row))) continue;
    return {errc::corrupt, "tensor " + shown_text(tensor.name) + " of " + std::string(name(tensor.type)) +
                               " has a scale in row " + std::to_string(row) + " that is no finite number"};
  }
  return {};
}

result<void> check_scales(const tensor_view& tensor) {
  return check_scales(tensor, 0, tensor.shape.empty() ? 1 : tensor.shape.front());
}

}  // namespace troupe
