#include "shards/model/quantise.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <limits>

#include "base/check.hpp"
#include "shards/model/quantised_blocks.hpp"
#include "shards/model/tensor.hpp"

namespace troupe {
namespace {

constexpr size_t values_max = 128;
constexpr uint16_t largest_f16 = 0x7bff;

uint16_t scale_bits(float scale) {
  const uint16_t bits = f32_to_f16(scale);
  return (bits & 0x7fffU) > largest_f16 ? static_cast<uint16_t>((bits & 0x8000U) | largest_f16) : bits;
}

float largest_of(std::span<const float> values) {
  float largest = 0;
  for (const float value : values)
    if (std::abs(value) > std::abs(largest)) largest = value;
  return largest;
}

/// To the nearest integer, ties to even, of |value| < 2^22: the sum has no bits left for a fraction. std::nearbyint is
/// a call for each value.
float rounded(float value) {
  constexpr float no_fraction = 12582912.0F;  // 1.5 * 2^23
  return (value + no_fraction) - no_fraction;
}

/// What a value is divided by for its code; all codes are zero where the scale is.
float divisor_of(float scale) { return scale == 0 ? std::numeric_limits<float>::infinity() : scale; }

float code_of(float value, float divisor, float lowest, float highest) {
  return rounded(std::clamp(value / divisor, lowest, highest));
}

/// How far the largest value may be cut off, in steps of the first scale.
constexpr std::array steps{-8.0F, -7.6F, -8.4F, -8.8F, -7.2F, -9.2F, 7.0F, 7.6F, 8.4F};

/// For each scale, the sum of squares of what the values would be off.
using distances = std::array<double, steps.size()>;

/// All scales side by side: one after the other, each sum would wait for its last addition.
distances distances_of(std::span<const float> values, std::span<const float> importance,
                       const std::array<float, steps.size()>& scales) {
  distances sums{};
  std::array<float, steps.size()> divisors{};
  std::ranges::transform(scales, divisors.begin(), divisor_of);
  for (size_t i = 0; i < values.size(); ++i) {
    const double weight = importance.empty() ? 1.0 : importance[i];
    for (size_t s = 0; s < scales.size(); ++s) {
      const double off = values[i] - static_cast<double>(scales[s]) * code_of(values[i], divisors[s], -8, 7);
      sums[s] += weight * off * off;
    }
  }
  return sums;
}

uint16_t best_int4_scale(std::span<const float> values, std::span<const float> importance) {
  const float largest = largest_of(values);
  std::array<uint16_t, steps.size()> bits{};
  std::array<float, steps.size()> scales{};
  for (size_t s = 0; s < steps.size(); ++s) {
    bits[s] = scale_bits(largest / steps[s]);
    scales[s] = f16_to_f32(bits[s]);
  }
  const distances sums = distances_of(values, importance, scales);
  return bits[static_cast<size_t>(std::ranges::min_element(sums) - sums.begin())];
}

}  // namespace

void quantise_int8(std::span<const float> values, std::byte* block) {
  TROUPE_CHECK(values.size() <= values_max);
  const uint16_t bits = scale_bits(std::abs(largest_of(values)) / 127);
  std::memcpy(block + q8_0_block::scale_at, &bits, sizeof bits);
  const float divisor = divisor_of(f16_to_f32(bits));
  for (size_t i = 0; i < values.size(); ++i)
    block[q8_0_block::quants_at + i] = static_cast<std::byte>(static_cast<int>(code_of(values[i], divisor, -127, 127)));
}

void quantise_int4(std::span<const float> values, std::span<const float> importance, std::byte* block) {
  TROUPE_CHECK(values.size() <= values_max && values.size() % 2 == 0);
  const uint16_t bits = best_int4_scale(values, importance);
  std::memcpy(block + q4_0_block::scale_at, &bits, sizeof bits);
  const float divisor = divisor_of(f16_to_f32(bits));
  const size_t half = values.size() / 2;
  for (size_t i = 0; i < half; ++i) {
    const int low = static_cast<int>(code_of(values[i], divisor, -8, 7)) + 8;
    const int high = static_cast<int>(code_of(values[half + i], divisor, -8, 7)) + 8;
    block[q4_0_block::nibbles_at + i] = static_cast<std::byte>(low | high << 4);
  }
}

}  // namespace troupe
