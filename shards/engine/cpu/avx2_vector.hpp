// Sixteen floats with AVX2, FMA and F16C, as vector_kernels.hpp and vector_products.hpp want them. Included only by
// files that are compiled for them; local to them.
#pragma once

#include <immintrin.h>

#include <cstddef>
#include <cstdint>

namespace troupe {
namespace {

struct avx2_vector {
  // 12 registers of sums, two of weights and one of the activation: 15 of 16.
  static constexpr int product_rows = 6;
  static constexpr int product_vectors = 1;
  static constexpr int attention_queries = 1;

  /// Words of packed weights.
  struct words {
    __m256i low, high;
  };

  __m256 low, high;

  static avx2_vector zero() { return {_mm256_setzero_ps(), _mm256_setzero_ps()}; }
  static avx2_vector all(float value) { return {_mm256_set1_ps(value), _mm256_set1_ps(value)}; }
  static avx2_vector load(const float* from) { return {_mm256_loadu_ps(from), _mm256_loadu_ps(from + 8)}; }
  static avx2_vector load_first(const float* from, size_t count) {
    return {_mm256_maskload_ps(from, mask(count, 0)), _mm256_maskload_ps(from + 8, mask(count, 8))};
  }
  static avx2_vector load_bf16(const uint16_t* from) {
    const auto widened = [](const uint16_t* eight) {
      const __m128i bits = _mm_loadu_si128(reinterpret_cast<const __m128i*>(eight));
      return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(bits), 16));
    };
    return {widened(from), widened(from + 8)};
  }
  void store(float* to) const {
    _mm256_storeu_ps(to, low);
    _mm256_storeu_ps(to + 8, high);
  }
  void store_first(float* to, size_t count) const {
    _mm256_maskstore_ps(to, mask(count, 0), low);
    _mm256_maskstore_ps(to + 8, mask(count, 8), high);
  }

  float first() const { return _mm256_cvtss_f32(low); }
  float sum() const {
    const __m256 eight = _mm256_add_ps(low, high);
    const __m128 four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
    const __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_add_ss(two, _mm_shuffle_ps(two, two, 1)));
  }
  float largest() const {
    const __m256 eight = _mm256_max_ps(low, high);
    const __m128 four = _mm_max_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
    const __m128 two = _mm_max_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_max_ss(two, _mm_shuffle_ps(two, two, 1)));
  }

  static words load_words(const void* from) {
    const auto* at = static_cast<const __m256i*>(from);
    return {_mm256_loadu_si256(at), _mm256_loadu_si256(at + 1)};
  }
  static avx2_vector bits_of(words from) { return {_mm256_castsi256_ps(from.low), _mm256_castsi256_ps(from.high)}; }
  /// The upper and the lower half of each word, widened.
  static avx2_vector upper_bf16(words from) {
    const __m256i upper = _mm256_set1_epi32(-65536);
    return bits_of({_mm256_and_si256(from.low, upper), _mm256_and_si256(from.high, upper)});
  }
  static avx2_vector lower_bf16(words from) {
    return bits_of({_mm256_slli_epi32(from.low, 16), _mm256_slli_epi32(from.high, 16)});
  }
  static avx2_vector upper_f16(words from) {
    return narrow_f16({_mm256_srli_epi32(from.low, 16), _mm256_srli_epi32(from.high, 16)});
  }
  static avx2_vector lower_f16(words from) {
    const __m256i lower = _mm256_set1_epi32(0xffff);
    return narrow_f16({_mm256_and_si256(from.low, lower), _mm256_and_si256(from.high, lower)});
  }
  /// From words with nothing in their upper halves.
  static avx2_vector narrow_f16(words from) {
    // The pack works on each half of its operands; the permutation puts their quarters in order.
    const __m256i packed = _mm256_permute4x64_epi64(_mm256_packus_epi32(from.low, from.high), 0xd8);
    return {_mm256_cvtph_ps(_mm256_castsi256_si128(packed)), _mm256_cvtph_ps(_mm256_extracti128_si256(packed, 1))};
  }

  /// All ones in the lanes i with first_lane + i < count.
  static __m256i mask(size_t count, int first_lane) {
    const __m256i lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    return _mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<int>(count) - first_lane), lane);
  }
};

inline avx2_vector operator+(avx2_vector a, avx2_vector b) {
  return {_mm256_add_ps(a.low, b.low), _mm256_add_ps(a.high, b.high)};
}
inline avx2_vector operator-(avx2_vector a, avx2_vector b) {
  return {_mm256_sub_ps(a.low, b.low), _mm256_sub_ps(a.high, b.high)};
}
inline avx2_vector operator*(avx2_vector a, avx2_vector b) {
  return {_mm256_mul_ps(a.low, b.low), _mm256_mul_ps(a.high, b.high)};
}
inline avx2_vector operator/(avx2_vector a, avx2_vector b) {
  return {_mm256_div_ps(a.low, b.low), _mm256_div_ps(a.high, b.high)};
}
inline avx2_vector fma(avx2_vector a, avx2_vector b, avx2_vector c) {
  return {_mm256_fmadd_ps(a.low, b.low, c.low), _mm256_fmadd_ps(a.high, b.high, c.high)};
}
inline avx2_vector fused_minus(avx2_vector a, avx2_vector b, avx2_vector c) {
  return {_mm256_fmsub_ps(a.low, b.low, c.low), _mm256_fmsub_ps(a.high, b.high, c.high)};
}
inline avx2_vector larger(avx2_vector a, avx2_vector b) {
  return {_mm256_max_ps(a.low, b.low), _mm256_max_ps(a.high, b.high)};
}
inline avx2_vector smaller(avx2_vector a, avx2_vector b) {
  return {_mm256_min_ps(a.low, b.low), _mm256_min_ps(a.high, b.high)};
}
inline avx2_vector first_of(size_t count, avx2_vector a, avx2_vector b) {
  return {_mm256_blendv_ps(b.low, a.low, _mm256_castsi256_ps(avx2_vector::mask(count, 0))),
          _mm256_blendv_ps(b.high, a.high, _mm256_castsi256_ps(avx2_vector::mask(count, 8)))};
}
inline __m256 power_of_two(__m256 shifted) {
  const __m256i exponent = _mm256_slli_epi32(_mm256_castps_si256(shifted), 23);
  return _mm256_castsi256_ps(_mm256_add_epi32(exponent, _mm256_set1_epi32(127 << 23)));
}
inline avx2_vector power_of_two(avx2_vector shifted) { return {power_of_two(shifted.low), power_of_two(shifted.high)}; }

}  // namespace
}  // namespace troupe
