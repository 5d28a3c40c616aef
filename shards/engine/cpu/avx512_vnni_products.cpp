// Compiled with -mavx512f -mavx512bw -mavx512vnni; called only where the processor has them.
#include <immintrin.h>

#include "shards/engine/cpu/avx512_integers.hpp"
#include "shards/engine/cpu/unrolled.hpp"

namespace troupe {
namespace {

/// What a word of weights is as operands of vpdpbusd: one vector of codes or two.
template <weight_format Format>
struct codes;

template <>
struct codes<weight_format::int8> {
  static constexpr uint32_t quads = 1;
  static __m512i of(__m512i words, uint32_t) { return words; }
};

template <>
struct codes<weight_format::int4> {
  static constexpr uint32_t quads = 2;
  static __m512i of(__m512i words, uint32_t quad) {
    return _mm512_and_si512(quad == 0 ? words : _mm512_srli_epi32(words, 4), _mm512_set1_epi32(0x0f0f0f0f));
  }
};

template <int Rows>
struct inner_sums {
  __m512i of[Rows][2];
};

/// The inner sums of one group.
template <weight_format Format, int... Row>
__attribute__((always_inline)) inline inner_sums<sizeof...(Row)> group_sums(const uint8_t* words, uint32_t count,
                                                                            const uint32_t* x, const int32_t* starts,
                                                                            indices<Row...>) {
  constexpr int rows = sizeof...(Row);
  inner_sums<rows> sums;
  ((sums.of[Row][0] = sums.of[Row][1] = _mm512_set1_epi32(starts[Row])), ...);
  for (uint32_t w = 0; w < count; ++w, words += panel_word_bytes) {
    const __m512i left = _mm512_loadu_si512(words);
    const __m512i right = _mm512_loadu_si512(words + 64);
    for (uint32_t quad = 0; quad < codes<Format>::quads; ++quad, x += rows) {
      const __m512i left_codes = codes<Format>::of(left, quad);
      const __m512i right_codes = codes<Format>::of(right, quad);
      const auto add = [&](__m512i(&sum)[2], uint32_t value) __attribute__((always_inline)) {
        const __m512i q = _mm512_set1_epi32(static_cast<int>(value));
        sum[0] = _mm512_dpbusd_epi32(sum[0], left_codes, q);
        sum[1] = _mm512_dpbusd_epi32(sum[1], right_codes, q);
      };
      (add(sums.of[Row], x[Row]), ...);
    }
  }
  return sums;
}

template <weight_format Format, int... Row>
void multiply_rows(const product_task& task, indices<Row...> all) {
  constexpr int rows = sizeof...(Row);
  for (uint32_t s = task.first; s < task.last; ++s) {
    const k_segment& segment = task.cut.segments[s];
    __m512 part[rows][2];
    ((part[Row][0] = part[Row][1] = _mm512_setzero_ps()), ...);
    for (uint32_t g = segment.first_group; g < segment.last_group; ++g) {
      const k_group& group = task.cut.groups[g];
      const uint8_t* scales = task.panel + group.panel_offset;
      const auto sums = group_sums<Format>(scales + panel_scale_bytes, group.words,
                                           task.x.words + size_t{group.words_before} * codes<Format>::quads * rows,
                                           task.x.starts + size_t{g} * rows, all);
      const __m512 left = _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(scales)));
      const __m512 right = _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(scales + 32)));
      const auto scale = [&](__m512(&to)[2], const __m512i(&sum)[2]) __attribute__((always_inline)) {
        to[0] = _mm512_fmadd_ps(_mm512_cvtepi32_ps(sum[0]), left, to[0]);
        to[1] = _mm512_fmadd_ps(_mm512_cvtepi32_ps(sum[1]), right, to[1]);
      };
      (scale(part[Row], sums.of[Row]), ...);
    }
    const float* x_scales = task.x.scales + size_t{s} * rows;
    const auto add = [&](const __m512(&from)[2], float by, float* to) __attribute__((always_inline)) {
      const __m512 factor = _mm512_set1_ps(by);
      _mm512_storeu_ps(to, _mm512_fmadd_ps(from[0], factor, _mm512_loadu_ps(to)));
      _mm512_storeu_ps(to + 16, _mm512_fmadd_ps(from[1], factor, _mm512_loadu_ps(to + 16)));
    };
    (add(part[Row], x_scales[Row], task.sums + Row * panel_columns), ...);
  }
}

template <weight_format Format>
struct rows_of {
  template <int Rows>
  static void run(const product_task& task) {
    const flush_scope flushing;
    multiply_rows<Format>(task, typename count_up<Rows>::type{});
  }
};

/// More rows would need more than the 32 registers: 2 sums and 2 parts each, and a few.
constexpr uint32_t rows_max = 6;

template <weight_format Format>
void multiply(const product_task* task) {
  run_with_rows<rows_of<Format>, rows_max>(*task, task->rows);
}

template <weight_format Format>
constexpr product_kernel kernel = {rows_max, values_per_word(Format) / 4, pack_integers<avx512_quantiser, Format>,
                                   multiply<Format>};

}  // namespace

const product_kernel& avx512_vnni_product(weight_format format) {
  static constexpr product_kernel int8 = kernel<weight_format::int8>;
  static constexpr product_kernel int4 = kernel<weight_format::int4>;
  return format == weight_format::int8 ? int8 : int4;
}

}  // namespace troupe
