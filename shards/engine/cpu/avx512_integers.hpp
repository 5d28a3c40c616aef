// Activations to int8 with AVX-512F and BW. Included only by files that are compiled for them.
#pragma once

#include <immintrin.h>

#include "shards/engine/cpu/vector_packing.hpp"

namespace troupe {
namespace {

struct avx512_quantiser {
  static uint32_t largest_bits(const float* x, uint32_t count) {
    const __m512i no_sign = _mm512_set1_epi32(0x7fffffff);
    __m512i largest = _mm512_setzero_si512();
    for (uint32_t k = 0; k < count; k += 16) {
      const __m512i bits = _mm512_maskz_loadu_epi32(mask(count - k), x + k);
      largest = _mm512_max_epu32(largest, _mm512_and_si512(bits, no_sign));
    }
    return _mm512_reduce_max_epu32(largest);
  }

  static int32_t quantise(const float* x, uint32_t count, float inverse, void* to) {
    __m512i sum = _mm512_setzero_si512();
    auto* bytes = static_cast<uint8_t*>(to);
    const __m512 factor = _mm512_set1_ps(inverse);
    for (uint32_t k = 0; k < (count + 31) / 32 * 32; k += 16) {
      const __mmask16 lanes = inverse == 0 || k >= count ? __mmask16{0} : mask(count - k);
      const __m512i q = _mm512_cvtps_epi32(_mm512_mul_ps(_mm512_maskz_loadu_ps(lanes, x + k), factor));
      sum = _mm512_add_epi32(sum, q);
      _mm_storeu_si128(reinterpret_cast<__m128i*>(bytes + k), _mm512_cvtepi32_epi8(q));
    }
    return _mm512_reduce_add_epi32(sum);
  }

  static __mmask16 mask(uint32_t count) { return static_cast<__mmask16>(count >= 16 ? 0xffffU : (1U << count) - 1); }
};

}  // namespace
}  // namespace troupe
