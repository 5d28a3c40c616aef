// Sixteen floats with AVX-512F, as vector_kernels.hpp and vector_products.hpp want them. Included only by files that
// are compiled for it; local to them.
#pragma once

#include <immintrin.h>

#include <cstddef>
#include <cstdint>

namespace troupe {
namespace {

struct avx512_vector {
  // 24 sums, two vectors of weights: 26 of 32 registers.
  static constexpr int product_rows = 12;
  static constexpr int product_vectors = 2;
  static constexpr int attention_queries = 4;

  /// Words of packed weights.
  using words = __m512i;

  __m512 v;

  static avx512_vector zero() { return {_mm512_setzero_ps()}; }
  static avx512_vector all(float value) { return {_mm512_set1_ps(value)}; }
  static avx512_vector load(const float* from) { return {_mm512_loadu_ps(from)}; }
  static avx512_vector load_first(const float* from, size_t count) {
    return {_mm512_maskz_loadu_ps(mask(count), from)};
  }
  static avx512_vector load_bf16(const uint16_t* from) {
    const __m256i bits = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from));
    return {_mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(bits), 16))};
  }
  void store(float* to) const { _mm512_storeu_ps(to, v); }
  void store_first(float* to, size_t count) const { _mm512_mask_storeu_ps(to, mask(count), v); }

  float first() const { return _mm512_cvtss_f32(v); }
  float sum() const {
    const __m256 low = _mm512_castps512_ps256(v);
    const __m256 high = _mm256_castpd_ps(_mm512_extractf64x4_pd(_mm512_castps_pd(v), 1));
    const __m256 eight = _mm256_add_ps(low, high);
    const __m128 four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
    const __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_add_ss(two, _mm_shuffle_ps(two, two, 1)));
  }
  float largest() const { return _mm512_reduce_max_ps(v); }

  static words load_words(const void* from) { return _mm512_loadu_si512(from); }
  static avx512_vector bits_of(words from) { return {_mm512_castsi512_ps(from)}; }
  /// The upper and the lower half of each word, widened.
  static avx512_vector upper_bf16(words from) { return bits_of(_mm512_and_si512(from, _mm512_set1_epi32(-65536))); }
  static avx512_vector lower_bf16(words from) { return bits_of(_mm512_slli_epi32(from, 16)); }
  static avx512_vector upper_f16(words from) { return lower_f16(_mm512_srli_epi32(from, 16)); }
  static avx512_vector lower_f16(words from) { return {_mm512_cvtph_ps(_mm512_cvtepi32_epi16(from))}; }

  static __mmask16 mask(size_t count) { return static_cast<__mmask16>((1U << count) - 1); }
};

inline avx512_vector operator+(avx512_vector a, avx512_vector b) { return {_mm512_add_ps(a.v, b.v)}; }
inline avx512_vector operator-(avx512_vector a, avx512_vector b) { return {_mm512_sub_ps(a.v, b.v)}; }
inline avx512_vector operator*(avx512_vector a, avx512_vector b) { return {_mm512_mul_ps(a.v, b.v)}; }
inline avx512_vector operator/(avx512_vector a, avx512_vector b) { return {_mm512_div_ps(a.v, b.v)}; }
inline avx512_vector fma(avx512_vector a, avx512_vector b, avx512_vector c) { return {_mm512_fmadd_ps(a.v, b.v, c.v)}; }
inline avx512_vector fused_minus(avx512_vector a, avx512_vector b, avx512_vector c) {
  return {_mm512_fmsub_ps(a.v, b.v, c.v)};
}
inline avx512_vector larger(avx512_vector a, avx512_vector b) { return {_mm512_max_ps(a.v, b.v)}; }
inline avx512_vector smaller(avx512_vector a, avx512_vector b) { return {_mm512_min_ps(a.v, b.v)}; }
inline avx512_vector first_of(size_t count, avx512_vector a, avx512_vector b) {
  return {_mm512_mask_blend_ps(avx512_vector::mask(count), b.v, a.v)};
}
inline avx512_vector power_of_two(avx512_vector shifted) {
  const __m512i exponent = _mm512_slli_epi32(_mm512_castps_si512(shifted.v), 23);
  return {_mm512_castsi512_ps(_mm512_add_epi32(exponent, _mm512_set1_epi32(127 << 23)))};
}

}  // namespace
}  // namespace troupe
