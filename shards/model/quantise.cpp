#include "shards/model/quantise.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>

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

int code(float value, float scale, int lowest, int highest) {
  if (scale == 0) return 0;
  return static_cast<int>(
      std::clamp(std::nearbyint(value / scale), static_cast<float>(lowest), static_cast<float>(highest)));
}

double distance(std::span<const float> values, std::span<const float> importance, float scale) {
  double sum = 0;
  for (size_t i = 0; i < values.size(); ++i) {
    const double off = values[i] - static_cast<double>(scale) * code(values[i], scale, -8, 7);
    sum += (importance.empty() ? 1.0 : importance[i]) * off * off;
  }
  return sum;
}

/// How far the largest value may be cut off, in steps of the first scale.
constexpr float steps[] = {-8.0F, -7.6F, -8.4F, -8.8F, -7.2F, -9.2F, 7.0F, 7.6F, 8.4F};

uint16_t best_int4_scale(std::span<const float> values, std::span<const float> importance) {
  const float largest = largest_of(values);
  uint16_t best = scale_bits(largest / steps[0]);
  double least = distance(values, importance, f16_to_f32(best));
  for (const float step : steps) {
    const uint16_t bits = scale_bits(largest / step);
    const double off = distance(values, importance, f16_to_f32(bits));
    if (off >= least) continue;
    least = off;
    best = bits;
  }
  return best;
}

}  // namespace

void quantise_int8(std::span<const float> values, std::byte* block) {
  TROUPE_CHECK(values.size() <= values_max);
  const uint16_t bits = scale_bits(std::abs(largest_of(values)) / 127);
  std::memcpy(block + q8_0_block::scale_at, &bits, sizeof bits);
  const float scale = f16_to_f32(bits);
  for (size_t i = 0; i < values.size(); ++i)
    block[q8_0_block::quants_at + i] = static_cast<std::byte>(code(values[i], scale, -127, 127));
}

void quantise_int4(std::span<const float> values, std::span<const float> importance, std::byte* block) {
  TROUPE_CHECK(values.size() <= values_max && values.size() % 2 == 0);
  const uint16_t bits = best_int4_scale(values, importance);
  std::memcpy(block + q4_0_block::scale_at, &bits, sizeof bits);
  const float scale = f16_to_f32(bits);
  const size_t half = values.size() / 2;
  for (size_t i = 0; i < half; ++i) {
    const int low = code(values[i], scale, -8, 7) + 8;
    const int high = code(values[half + i], scale, -8, 7) + 8;
    block[q4_0_block::nibbles_at + i] = static_cast<std::byte>(low | high << 4);
  }
}

}  // namespace troupe
