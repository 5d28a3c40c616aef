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

template <size_t Elements>
void dequantise_int8(const std::byte* block, float* out) {
  const float scale = f16_at(block, 0);
  for (size_t i = 0; i < Elements; ++i) out[i] = scale * i8_at(block, 2 + i);
}

template <size_t Elements>
void dequantise_int4(const std::byte* block, float* out) {
  const float scale = f16_at(block, 0);
  for (size_t i = 0; i < Elements / 2; ++i) {
    const uint32_t pair = u8_at(block, 2 + i);
    out[i] = scale * (static_cast<float>(pair & 15U) - 8.0F);
    out[i + Elements / 2] = scale * (static_cast<float>(pair >> 4) - 8.0F);
  }
}
static_assert(q8_0_block::scale_at == 0 && q8_0_block::quants_at == 2 && q8_128_block::quants_at == 2);
static_assert(q4_0_block::scale_at == 0 && q4_0_block::nibbles_at == 2 && q4_128_block::nibbles_at == 2);

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
    case dtype::q8_128: return blocks_are_finite<q8_128_block::scale_at>(row, q8_128_block::bytes);
    case dtype::q4_128: return blocks_are_finite<q4_128_block::scale_at>(row, q4_128_block::bytes);
    case dtype::q4_k: return blocks_are_finite<q4_k_block::scale_at, q4_k_block::min_at>(row, q4_k_block::bytes);
    case dtype::q6_k: return blocks_are_finite<q6_k_block::scale_at>(row, q6_k_block::bytes);
    default: return true;
  }
}

}  // namespace

void dequantise_block(dtype type, const std::byte* block, float* out) {
  switch (type) {
    case dtype::q8_0: return dequantise_int8<q8_0_block::elements>(block, out);
    case dtype::q4_0: return dequantise_int4<q4_0_block::elements>(block, out);
    case dtype::q8_128: return dequantise_int8<q8_128_block::elements>(block, out);
    case dtype::q4_128: return dequantise_int4<q4_128_block::elements>(block, out);
    case dtype::q4_k: return dequantise_q4_k(block, out);
    case dtype::q6_k: return dequantise_q6_k(block, out);
    default: TROUPE_CHECK(has_blocks(type));
  }
}

result<void> read_quantised_name(tensor_view& tensor) {
  const size_t mark = tensor.name.find('#');
  if (mark == std::string::npos) return {};
  const auto wrong = [&](std::string_view what) {
    return error{errc::corrupt, "tensor " + shown_text(tensor.name) + " " + std::string(what)};
  };
  const std::string_view block = std::string_view(tensor.name).substr(mark + 1);
  for (const dtype type : {dtype::q8_0, dtype::q4_0, dtype::q8_128, dtype::q4_128}) {
    if (block != name(type)) continue;
    if (tensor.type != dtype::u8 || tensor.shape.size() != 2) return wrong("is no matrix of U8");
    if (tensor.shape[1] % block_bytes(type) != 0) return wrong("has rows that are no whole blocks");
    tensor.shape[1] = tensor.shape[1] / block_bytes(type) * block_elements(type);
    tensor.type = type;
    tensor.name.resize(mark);
    return {};
  }
  return wrong("has blocks of a kind that this program does not know");
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
