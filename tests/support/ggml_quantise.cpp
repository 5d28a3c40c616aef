#include "tests/support/ggml_quantise.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <stdexcept>

#include "shards/model/quantised_blocks.hpp"
#include "tests/support/gguf_writer.hpp"

namespace troupe::test {
namespace {

float largest_magnitude(std::span<const float> values) {
  float most = 0;
  for (float value : values) most = std::max(most, std::abs(value));
  return most;
}

/// `value` in steps of `scale`, from `least` to `most`.
int steps(float value, float scale, int least, int most) {
  return scale == 0 ? std::clamp(0, least, most)
                    : std::clamp(static_cast<int>(std::lround(value / scale)), least, most);
}

/// A scale as the file can hold it.
float stored(float scale) { return f16_to_f32(f32_to_f16(scale)); }

void put(std::string& block, size_t at, uint32_t byte) {
  block[at] = static_cast<char>(static_cast<uint8_t>(static_cast<uint8_t>(block[at]) | byte));
}

void put_half(std::string& block, size_t at, float value) { block.replace(at, 2, bytes_of(f32_to_f16(value))); }

std::string q8_0(std::span<const float> values) {
  std::string block(q8_0_block::bytes, '\0');
  const float scale = stored(largest_magnitude(values) / 127);
  put_half(block, q8_0_block::scale_at, scale);
  for (size_t i = 0; i < values.size(); ++i)
    block[q8_0_block::quants_at + i] = static_cast<char>(steps(values[i], scale, -127, 127));
  return block;
}

std::string q4_0(std::span<const float> values) {
  std::string block(q4_0_block::bytes, '\0');
  const float scale = stored(largest_magnitude(values) / 7);
  put_half(block, q4_0_block::scale_at, scale);
  for (size_t i = 0; i < values.size(); ++i) {
    const auto nibble = static_cast<uint32_t>(steps(values[i], scale, -8, 7) + 8);
    put(block, q4_0_block::nibbles_at + i % 16, nibble << (i / 16 * 4));
  }
  return block;
}

std::string q4_k(std::span<const float> values) {
  std::string block(q4_k_block::bytes, '\0');
  std::array<float, 8> range{}, depth{};
  for (size_t g = 0; g < 8; ++g) {
    const auto [low, high] = std::ranges::minmax(values.subspan(g * 32, 32));
    depth[g] = std::max(0.0F, -low);
    range[g] = std::max(0.0F, high) + depth[g];
  }
  const float scale = stored(*std::ranges::max_element(range) / 15 / 63);
  const float min = stored(*std::ranges::max_element(depth) / 63);
  put_half(block, q4_k_block::scale_at, scale);
  put_half(block, q4_k_block::min_at, min);
  for (size_t g = 0; g < 8; ++g) {
    const auto group_scale = static_cast<uint32_t>(steps(range[g] / 15, scale, 0, 63));
    const auto group_min = static_cast<uint32_t>(steps(depth[g], min, 0, 63));
    const size_t at = q4_k_block::groups_at;
    if (g < 4) {
      put(block, at + g, group_scale);
      put(block, at + g + 4, group_min);
    } else {
      put(block, at + g + 4, (group_scale & 15U) | (group_min & 15U) << 4);
      put(block, at + g - 4, group_scale >> 4 << 6);
      put(block, at + g, group_min >> 4 << 6);
    }
    const float step = scale * static_cast<float>(group_scale), offset = min * static_cast<float>(group_min);
    for (size_t i = 0; i < 32; ++i) {
      const auto nibble = static_cast<uint32_t>(steps(values[g * 32 + i] + offset, step, 0, 15));
      put(block, q4_k_block::nibbles_at + g / 2 * 32 + i, nibble << (g % 2 * 4));
    }
  }
  return block;
}

std::string q6_k(std::span<const float> values) {
  std::string block(q6_k_block::bytes, '\0');
  const float scale = stored(largest_magnitude(values) / 31 / 127);
  put_half(block, q6_k_block::scale_at, scale);
  for (size_t group = 0; group < 16; ++group) {
    const auto members = values.subspan(group * 16, 16);
    // Every other group has a negative scale, as the format allows.
    const int sign = group % 2 == 0 ? 1 : -1;
    const int group_scale = sign * steps(largest_magnitude(members) / 31, scale, 0, 127);
    block[q6_k_block::group_scales_at + group] = static_cast<char>(group_scale);
    for (size_t n = 0; n < members.size(); ++n) {
      const auto six = static_cast<uint32_t>(steps(members[n], scale * static_cast<float>(group_scale), -32, 31) + 32);
      const size_t i = group * 16 + n, half = i / 128, quarter = i % 128 / 32, l = i % 32;
      put(block, q6_k_block::low_at + half * 64 + quarter % 2 * 32 + l, (six & 15U) << (quarter / 2 * 4));
      put(block, q6_k_block::high_at + half * 32 + l, six >> 4 << (quarter * 2));
    }
  }
  return block;
}

std::string one_block(dtype type, std::span<const float> values) {
  switch (type) {
    case dtype::f32: return bytes_of(values[0]);
    case dtype::f16: return bytes_of(f32_to_f16(values[0]));
    case dtype::bf16: return bytes_of(f32_to_bf16(values[0]));
    case dtype::q8_0: return q8_0(values);
    case dtype::q4_0: return q4_0(values);
    case dtype::q4_k: return q4_k(values);
    case dtype::q6_k: return q6_k(values);
    default: throw std::invalid_argument("no quantiser");
  }
}

}  // namespace

std::string quantised(dtype type, std::span<const float> values) {
  const size_t elements = block_elements(type);
  if (values.size() % elements != 0) throw std::invalid_argument("no whole blocks");
  std::string out;
  for (size_t at = 0; at < values.size(); at += elements) out += one_block(type, values.subspan(at, elements));
  return out;
}

}  // namespace troupe::test
