// The loops of logit_scans.hpp, for the compiler to vectorise: included by one source for each instruction set. What is
// in here is in an unnamed namespace or always inlined, and of the standard library only bit_cast is called, which
// leaves no function behind: one that sources of several instruction sets had in common would exist once, with the
// instructions of any.
#pragma once

#include <bit>

#include "shards/sampling/logit_scans.hpp"
#include "shards/sampling/portable_math.hpp"

namespace troupe {
namespace {

inline constexpr int32_t infinity_key = 0x7F80'0000;
inline constexpr int32_t minus_infinity_key = -infinity_key - 1;

/// Orders as the floats do; -0 just below +0. NaNs are above +inf or below -inf.
[[gnu::always_inline]] inline int32_t key_of(float value) {
  const auto bits = std::bit_cast<int32_t>(value);
  return bits ^ static_cast<int32_t>(static_cast<uint32_t>(bits >> 31) >> 1);
}

inline float largest_of(const float* logits, size_t count, bool& sound) {
  int32_t best = minus_infinity_key;
  uint32_t strange = 0;
  for (size_t i = 0; i < count; ++i) {
    const int32_t key = key_of(logits[i]);
    best = key > best ? key : best;
    strange |= static_cast<uint32_t>(key >= infinity_key) | static_cast<uint32_t>(key < minus_infinity_key);
  }
  sound = strange == 0;
  return std::bit_cast<float>(best < 0 ? best ^ 0x7FFF'FFFF : best);
}

inline size_t count_possible(const float* logits, size_t count) {
  uint32_t possible = 0;
  for (size_t i = 0; i < count; ++i) possible += key_of(logits[i]) > minus_infinity_key ? 1 : 0;
  return possible;
}

/// round(2^43 e^((logit - max) / temperature)), as sampler.cpp's weight().
[[gnu::always_inline]] inline uint64_t weight_of(float logit, double max, double temperature) {
  const double x = (double{logit} - max) / temperature;
  // Weights are 0 from there on, so no branch is needed.
  const double in_range = x >= -700.0 ? x : -700.0;
  const double wanted = detail::exp_in_range(in_range) * 0x1p43 + 0.5;
  // The whole part of a number below 2^52, without a conversion that only some instruction sets have.
  const double rounded = (wanted + 0x1p52) - 0x1p52;
  const double whole = rounded > wanted ? rounded - 1.0 : rounded;
  return std::bit_cast<uint64_t>(whole + 0x1p52) & 0x000F'FFFF'FFFF'FFFF;
}

inline uint64_t add_weights(const float* logits, size_t count, double max, double temperature) {
  uint64_t sum = 0;
  for (size_t i = 0; i < count; ++i) sum += weight_of(logits[i], max, temperature);
  return sum;
}

inline size_t find_block(const float* logits, size_t count, size_t from, float least) {
  for (; from + logit_block <= count; from += logit_block) {
    uint32_t found = 0;
    for (size_t i = 0; i < logit_block; ++i) found |= logits[from + i] >= least ? 1U : 0U;
    if (found != 0) return from;
  }
  for (size_t i = from; i < count; ++i) {
    if (logits[i] >= least) return from;
  }
  return count;
}

inline constexpr logit_scans scans_named(const char* name) {
  return {&largest_of, &count_possible, &add_weights, &find_block, name};
}

}  // namespace
}  // namespace troupe
