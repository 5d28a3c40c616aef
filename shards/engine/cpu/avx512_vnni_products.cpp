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

/// The inner sums of one row of int4. The upper nibbles are multiplied where they stand: their sums, kept apart, are 16
/// times as large, and a shift for the group takes the place of one for each vector of codes. (More rows share the
/// shifted codes, and have no registers for more sums.)
__attribute__((always_inline)) inline inner_sums<1> int4_sums_of_one(const uint8_t* words, uint32_t count,
                                                                     const uint32_t* x, int32_t start) {
  __m512i lower[2], upper[2];
  lower[0] = lower[1] = _mm512_set1_epi32(start);
  upper[0] = upper[1] = _mm512_setzero_si512();
  const __m512i low_nibbles = _mm512_set1_epi32(0x0f0f0f0f);
  for (uint32_t w = 0; w < count; ++w, words += panel_word_bytes, x += 2) {
    const __m512i first = _mm512_set1_epi32(static_cast<int>(x[0])), second = _mm512_set1_epi32(static_cast<int>(x[1]));
    const __m512i left = _mm512_loadu_si512(words);
    lower[0] = _mm512_dpbusd_epi32(lower[0], _mm512_and_si512(left, low_nibbles), first);
    upper[0] = _mm512_dpbusd_epi32(upper[0], _mm512_andnot_si512(low_nibbles, left), second);
    const __m512i right = _mm512_loadu_si512(words + 64);
    lower[1] = _mm512_dpbusd_epi32(lower[1], _mm512_and_si512(right, low_nibbles), first);
    upper[1] = _mm512_dpbusd_epi32(upper[1], _mm512_andnot_si512(low_nibbles, right), second);
  }
  return {{{_mm512_add_epi32(lower[0], _mm512_srai_epi32(upper[0], 4)),
            _mm512_add_epi32(lower[1], _mm512_srai_epi32(upper[1], 4))}}};
}

/// The inner sums of one group.
template <weight_format Format, int... Row>
__attribute__((always_inline)) inline inner_sums<sizeof...(Row)> group_sums(const uint8_t* words, uint32_t count,
                                                                            const uint32_t* x, const int32_t* starts,
                                                                            indices<Row...>) {
  constexpr int rows = sizeof...(Row);
  if constexpr (Format == weight_format::int4 && rows == 1) return int4_sums_of_one(words, count, x, *starts);
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

/// Not part of its caller: there g++ 12 would keep its sums in memory.
template <weight_format Format, int... Row>
__attribute__((noinline)) void multiply_rows(const product_part& task, indices<Row...> all) {
  constexpr int rows = sizeof...(Row);
  for (uint32_t s = task.first; s < task.last; ++s) {
    const k_segment& segment = task.cut.segments[s];
    __m512 part[rows][2];
    ((part[Row][0] = part[Row][1] = _mm512_setzero_ps()), ...);
    for (uint32_t g = segment.first_group; g < segment.last_group; ++g) {
      const k_group& group = task.cut.groups[g];
      const uint8_t* scales = task.panel + group.panel_offset;
      const auto inner = group_sums<Format>(scales + panel_scale_bytes, group.words,
                                            task.x.words + size_t{group.words_before} * codes<Format>::quads * rows,
                                            task.x.starts + size_t{g} * rows, all);
      const __m512 left = _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(scales)));
      const __m512 right = _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(scales + 32)));
      const auto scale = [&](__m512(&to)[2], const __m512i(&sum)[2]) __attribute__((always_inline)) {
        to[0] = _mm512_fmadd_ps(_mm512_cvtepi32_ps(sum[0]), left, to[0]);
        to[1] = _mm512_fmadd_ps(_mm512_cvtepi32_ps(sum[1]), right, to[1]);
      };
      (scale(part[Row], inner.of[Row]), ...);
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
    for_parts(task, [](const product_part& part) { multiply_rows<Format>(part, typename count_up<Rows>::type{}); });
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
