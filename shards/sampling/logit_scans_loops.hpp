// The loops of logit_scans.hpp, for the compiler to vectorise: included by one source for each instruction set. What is
// in here is in an unnamed namespace or always inlined, and of the standard library only bit_cast is called, which
// leaves no function behind: one that sources of several instruction sets had in common would exist once, with the
// instructions of any.
#pragma once

#include <bit>

#include "shards/sampling/logit_scans.hpp"
#include "shards/sampling/weight.hpp"

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

inline uint64_t add_weights(const float* logits, size_t count, double max, double temperature, uint64_t least) {
  uint64_t sum = 0;
  for (size_t i = 0; i < count; ++i) {
    const uint64_t weight = weight_of(logits[i], max, temperature);
    sum += weight >= least ? weight : 0;
  }
  return sum;
}

inline void add_by_buckets(const float* logits, size_t count, double max, double temperature,
                           const logit_buckets& buckets, uint64_t* sums) {
  uint64_t weights[logit_block];
  uint32_t where[logit_block];
  for (size_t from = 0; from < count; from += logit_block) {
    const size_t block = count - from < logit_block ? count - from : logit_block;
    for (size_t i = 0; i < block; ++i) weights[i] = weight_of(logits[from + i], max, temperature);
    for (size_t i = 0; i < block; ++i) where[i] = buckets.of(logits[from + i]);
    for (size_t i = 0; i < block; ++i) sums[where[i]] += weights[i];
  }
}

/// The first block from `from` on, a multiple of logit_block, in which one is wanted.
template <class Wanted>
[[gnu::always_inline]] inline size_t find_block(const float* logits, size_t count, size_t from, Wanted wanted) {
  for (; from + logit_block <= count; from += logit_block) {
    uint32_t found = 0;
    for (size_t i = 0; i < logit_block; ++i) found |= wanted(logits[from + i]) ? 1U : 0U;
    if (found != 0) return from;
  }
  for (size_t i = from; i < count; ++i) {
    if (wanted(logits[i])) return from;
  }
  return count;
}

inline size_t find_least(const float* logits, size_t count, size_t from, float least) {
  return find_block(logits, count, from, [=](float logit) { return logit >= least; });
}

inline size_t find_bucket(const float* logits, size_t count, size_t from, const logit_buckets& all, uint32_t bucket) {
  const logit_buckets buckets = all;
  return find_block(logits, count, from, [=](float logit) { return buckets.of(logit) == bucket; });
}

inline constexpr logit_scans scans_named(const char* name) {
  return {&largest_of, &count_possible, &add_weights, &add_by_buckets, &find_least, &find_bucket, name};
}

}  // namespace
}  // namespace troupe
