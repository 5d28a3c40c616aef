// Compiled with -mavx2 -mfma; called only where the processor has both.
#include <immintrin.h>

#include "shards/engine/cpu/vector_kernels.hpp"

namespace troupe {
namespace {

struct avx2_vector {
  // 12 registers of sums, two of weights and one of the activation: 15 of 16.
  static constexpr int product_rows = 6;
  static constexpr int product_vectors = 1;

  __m256 low, high;

  static avx2_vector zero() { return {_mm256_setzero_ps(), _mm256_setzero_ps()}; }
  static avx2_vector all(float value) { return {_mm256_set1_ps(value), _mm256_set1_ps(value)}; }
  static avx2_vector load(const float* from) { return {_mm256_loadu_ps(from), _mm256_loadu_ps(from + 8)}; }
  static avx2_vector load_first(const float* from, size_t count) {
    return {_mm256_maskload_ps(from, mask(count, 0)), _mm256_maskload_ps(from + 8, mask(count, 8))};
  }
  static avx2_vector load_bf16(const uint16_t* from) { return {widen(from), widen(from + 8)}; }
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

  /// All ones in the lanes i with first_lane + i < count.
  static __m256i mask(size_t count, int first_lane) {
    const __m256i lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    return _mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<int>(count) - first_lane), lane);
  }
  static __m256 widen(const uint16_t* from) {
    const __m128i bits = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from));
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(bits), 16));
  }
};

avx2_vector operator+(avx2_vector a, avx2_vector b) {
  return {_mm256_add_ps(a.low, b.low), _mm256_add_ps(a.high, b.high)};
}
avx2_vector operator-(avx2_vector a, avx2_vector b) {
  return {_mm256_sub_ps(a.low, b.low), _mm256_sub_ps(a.high, b.high)};
}
avx2_vector operator*(avx2_vector a, avx2_vector b) {
  return {_mm256_mul_ps(a.low, b.low), _mm256_mul_ps(a.high, b.high)};
}
avx2_vector operator/(avx2_vector a, avx2_vector b) {
  return {_mm256_div_ps(a.low, b.low), _mm256_div_ps(a.high, b.high)};
}
avx2_vector fma(avx2_vector a, avx2_vector b, avx2_vector c) {
  return {_mm256_fmadd_ps(a.low, b.low, c.low), _mm256_fmadd_ps(a.high, b.high, c.high)};
}
avx2_vector fused_minus(avx2_vector a, avx2_vector b, avx2_vector c) {
  return {_mm256_fmsub_ps(a.low, b.low, c.low), _mm256_fmsub_ps(a.high, b.high, c.high)};
}
avx2_vector larger(avx2_vector a, avx2_vector b) {
  return {_mm256_max_ps(a.low, b.low), _mm256_max_ps(a.high, b.high)};
}
avx2_vector smaller(avx2_vector a, avx2_vector b) {
  return {_mm256_min_ps(a.low, b.low), _mm256_min_ps(a.high, b.high)};
}
avx2_vector first_of(size_t count, avx2_vector a, avx2_vector b) {
  return {_mm256_blendv_ps(b.low, a.low, _mm256_castsi256_ps(avx2_vector::mask(count, 0))),
          _mm256_blendv_ps(b.high, a.high, _mm256_castsi256_ps(avx2_vector::mask(count, 8)))};
}
__m256 power_of_two(__m256 shifted) {
  const __m256i exponent = _mm256_slli_epi32(_mm256_castps_si256(shifted), 23);
  return _mm256_castsi256_ps(_mm256_add_epi32(exponent, _mm256_set1_epi32(127 << 23)));
}
avx2_vector power_of_two(avx2_vector shifted) { return {power_of_two(shifted.low), power_of_two(shifted.high)}; }

}  // namespace

const cpu_kernels& avx2_kernels() {
  static constexpr cpu_kernels table = kernels_of<avx2_vector>("avx2");
  return table;
}

}  // namespace troupe
