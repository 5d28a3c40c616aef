// Compiled with -mavx512f; called only where the processor has it.
#include <immintrin.h>

#include "shards/engine/cpu/vector_kernels.hpp"

namespace troupe {
namespace {

struct avx512_vector {
  // 24 sums, two vectors of weights: 26 of 32 registers.
  static constexpr int product_rows = 12;
  static constexpr int product_vectors = 2;

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

  static __mmask16 mask(size_t count) { return static_cast<__mmask16>((1U << count) - 1); }
};

avx512_vector operator+(avx512_vector a, avx512_vector b) { return {_mm512_add_ps(a.v, b.v)}; }
avx512_vector operator-(avx512_vector a, avx512_vector b) { return {_mm512_sub_ps(a.v, b.v)}; }
avx512_vector operator*(avx512_vector a, avx512_vector b) { return {_mm512_mul_ps(a.v, b.v)}; }
avx512_vector operator/(avx512_vector a, avx512_vector b) { return {_mm512_div_ps(a.v, b.v)}; }
avx512_vector fma(avx512_vector a, avx512_vector b, avx512_vector c) { return {_mm512_fmadd_ps(a.v, b.v, c.v)}; }
avx512_vector fused_minus(avx512_vector a, avx512_vector b, avx512_vector c) {
  return {_mm512_fmsub_ps(a.v, b.v, c.v)};
}
avx512_vector larger(avx512_vector a, avx512_vector b) { return {_mm512_max_ps(a.v, b.v)}; }
avx512_vector smaller(avx512_vector a, avx512_vector b) { return {_mm512_min_ps(a.v, b.v)}; }
avx512_vector first_of(size_t count, avx512_vector a, avx512_vector b) {
  return {_mm512_mask_blend_ps(avx512_vector::mask(count), b.v, a.v)};
}
avx512_vector power_of_two(avx512_vector shifted) {
  const __m512i exponent = _mm512_slli_epi32(_mm512_castps_si512(shifted.v), 23);
  return {_mm512_castsi512_ps(_mm512_add_epi32(exponent, _mm512_set1_epi32(127 << 23)))};
}

}  // namespace

const cpu_kernels& avx512_kernels() {
  static constexpr cpu_kernels table = kernels_of<avx512_vector>("avx512");
  return table;
}

}  // namespace troupe
