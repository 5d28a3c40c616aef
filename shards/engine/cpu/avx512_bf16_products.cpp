// Compiled with -mavx512f -mavx512bw -mavx512bf16; called only where the processor has them.
#include <immintrin.h>

#include "shards/engine/cpu/unrolled.hpp"
#include "shards/engine/cpu/vector_packing.hpp"

namespace troupe {
namespace {

/// Pairs of bf16, the earlier one in the upper half, as the weights have them: vdpbf16ps begins with the upper half.
struct pair_converter {
  static constexpr uint32_t x_per_word = 1;
  static constexpr uint32_t values_per_x = 2;

  static void words(const float* x, uint32_t count, uint32_t* to) {
    for (uint32_t k = 0; k < count; k += 32, to += 16) {
      const __m512 low = _mm512_maskz_loadu_ps(mask(count - k), x + k);
      const __m512 high =
          count - k <= 16 ? _mm512_setzero_ps() : _mm512_maskz_loadu_ps(mask(count - k - 16), x + k + 16);
      const auto pairs = reinterpret_cast<__m512i>(_mm512_cvtne2ps_pbh(high, low));
      _mm512_storeu_si512(to, _mm512_rol_epi32(pairs, 16));
    }
  }

  static __mmask16 mask(uint32_t count) { return static_cast<__mmask16>(count >= 16 ? 0xffffU : (1U << count) - 1); }
};

struct rows_of {
  template <int Rows>
  static void run(const product_task& task) {
    for_parts(task, [](const product_part& part) { run(part, typename count_up<Rows>::type{}); });
  }

  /// Not part of its caller: there g++ 12 would keep its sums in memory.
  template <int... Row>
  __attribute__((noinline)) static void run(const product_part& task, indices<Row...>) {
    constexpr int rows = sizeof...(Row);
    __m512 sum[rows][2];
    const auto load = [&](__m512(&to)[2], const float* from) __attribute__((always_inline)) {
      to[0] = _mm512_loadu_ps(from);
      to[1] = _mm512_loadu_ps(from + 16);
    };
    (load(sum[Row], task.sums + Row * panel_columns), ...);
    for (uint32_t s = task.first; s < task.last; ++s) {
      const k_group& group = task.cut.groups[s];
      const uint32_t* x = task.x.words + size_t{group.words_before} * rows;
      const uint8_t* words = task.panel + group.panel_offset;
      for (const uint8_t* end = words + size_t{group.words} * panel_word_bytes; words != end;
           words += panel_word_bytes, x += rows) {
        const auto left = reinterpret_cast<__m512bh>(_mm512_loadu_si512(words));
        const auto right = reinterpret_cast<__m512bh>(_mm512_loadu_si512(words + 64));
        const auto add = [&](__m512(&to)[2], uint32_t pair) __attribute__((always_inline)) {
          const auto factor = reinterpret_cast<__m512bh>(_mm512_set1_epi32(static_cast<int>(pair)));
          to[0] = _mm512_dpbf16_ps(to[0], factor, left);
          to[1] = _mm512_dpbf16_ps(to[1], factor, right);
        };
        (add(sum[Row], x[Row]), ...);
      }
    }
    const auto store = [&](const __m512(&from)[2], float* to) __attribute__((always_inline)) {
      _mm512_storeu_ps(to, from[0]);
      _mm512_storeu_ps(to + 16, from[1]);
    };
    (store(sum[Row], task.sums + Row * panel_columns), ...);
  }
};

void multiply(const product_task* task) { run_with_rows<rows_of, block_rows_max>(*task, task->rows); }

}  // namespace

const product_kernel& avx512_bf16_product() {
  // 24 sums, two vectors of weights, one of activations: 27 of 32 registers.
  static constexpr product_kernel kernel{block_rows_max, 1, pack_floats<pair_converter>, multiply};
  return kernel;
}

}  // namespace troupe
