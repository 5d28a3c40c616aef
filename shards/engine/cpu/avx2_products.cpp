// Compiled with -mavx2 -mfma -mf16c; called only where the processor has them.
#include "shards/engine/cpu/avx2_vector.hpp"
#include "shards/engine/cpu/vector_products.hpp"

namespace troupe {
namespace {

struct avx2_quantiser {
  static uint32_t largest_bits(const float* x, uint32_t count) {
    const __m256i no_sign = _mm256_set1_epi32(0x7fffffff);
    __m256i largest = _mm256_setzero_si256();
    for (uint32_t k = 0; k < count; k += 8) {
      const __m256i bits = _mm256_castps_si256(_mm256_maskload_ps(x + k, avx2_vector::mask(count - k, 0)));
      largest = _mm256_max_epu32(largest, _mm256_and_si256(bits, no_sign));
    }
    alignas(32) uint32_t lane[8];
    _mm256_store_si256(reinterpret_cast<__m256i*>(lane), largest);
    uint32_t result = 0;
    for (const uint32_t bits : lane) result = bits > result ? bits : result;
    return result;
  }

  static int32_t quantise(const float* x, uint32_t count, float inverse, void* to) {
    __m256i sum = _mm256_setzero_si256();
    auto* bytes = static_cast<uint8_t*>(to);
    const __m256 factor = _mm256_set1_ps(inverse);
    const uint32_t used = inverse == 0 ? 0 : count;
    for (uint32_t k = 0; k < (count + 31) / 32 * 32; k += 8) {
      const __m256i lanes = avx2_vector::mask(k < used ? used - k : 0, 0);
      const __m256i q = _mm256_cvtps_epi32(_mm256_mul_ps(_mm256_maskload_ps(x + k, lanes), factor));
      sum = _mm256_add_epi32(sum, q);
      const __m128i halves = _mm_packs_epi32(_mm256_castsi256_si128(q), _mm256_extracti128_si256(q, 1));
      _mm_storel_epi64(reinterpret_cast<__m128i*>(bytes + k), _mm_packs_epi16(halves, halves));
    }
    alignas(32) int32_t lane[8];
    _mm256_store_si256(reinterpret_cast<__m256i*>(lane), sum);
    int32_t result = 0;
    for (const int32_t value : lane) result += value;
    return result;
  }
};

/// sums += the products of four codes each with four q. Without VNNI the codes of int8 go in as signed numbers: the
/// sums of two products of bytes must fit 16 bits, which 127 * 127 * 2 and 15 * 127 * 2 do and 255 * 127 * 2 does not.
template <weight_format Format>
struct quad_products;

template <>
struct quad_products<weight_format::int8> {
  static constexpr uint32_t quads = 1;
  static constexpr bool from_starts = false;
  static __m256i codes(__m256i words, uint32_t) { return _mm256_xor_si256(words, _mm256_set1_epi8(-128)); }
  static __m256i pairs(__m256i codes, __m256i q) {
    return _mm256_maddubs_epi16(_mm256_abs_epi8(codes), _mm256_sign_epi8(q, codes));
  }
};

template <>
struct quad_products<weight_format::int4> {
  static constexpr uint32_t quads = 2;
  static constexpr bool from_starts = true;
  static __m256i codes(__m256i words, uint32_t quad) {
    return _mm256_and_si256(quad == 0 ? words : _mm256_srli_epi32(words, 4), _mm256_set1_epi8(15));
  }
  static __m256i pairs(__m256i codes, __m256i q) { return _mm256_maddubs_epi16(codes, q); }
};

/// Eight columns from `first` on. Not part of its caller: there g++ 12 would keep its sums in memory.
template <weight_format Format, int... Row>
__attribute__((noinline)) void multiply_columns(const product_part& task, uint32_t first, indices<Row...>) {
  using quad = quad_products<Format>;
  constexpr int rows = sizeof...(Row);
  for (uint32_t s = task.first; s < task.last; ++s) {
    const k_segment& segment = task.cut.segments[s];
    __m256 part[rows];
    ((part[Row] = _mm256_setzero_ps()), ...);
    for (uint32_t g = segment.first_group; g < segment.last_group; ++g) {
      const k_group& group = task.cut.groups[g];
      const uint8_t* scales = task.panel + group.panel_offset;
      const uint8_t* words = scales + panel_scale_bytes + first * sizeof(uint32_t);
      const uint32_t* x = task.x.words + size_t{group.words_before} * quad::quads * rows;
      const int32_t* starts = task.x.starts + size_t{g} * rows;
      __m256i sum[rows];
      ((sum[Row] = quad::from_starts ? _mm256_set1_epi32(starts[Row]) : _mm256_setzero_si256()), ...);
      for (uint32_t w = 0; w < group.words; ++w, words += panel_word_bytes) {
        const __m256i of_word = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(words));
        for (uint32_t i = 0; i < quad::quads; ++i, x += rows) {
          const __m256i codes = quad::codes(of_word, i);
          const auto add = [&](__m256i & to, uint32_t value) __attribute__((always_inline)) {
            const __m256i pairs = quad::pairs(codes, _mm256_set1_epi32(static_cast<int>(value)));
            to = _mm256_add_epi32(to, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
          };
          (add(sum[Row], x[Row]), ...);
        }
      }
      const __m256 scale =
          _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(scales + first * sizeof(uint16_t))));
      ((part[Row] = _mm256_fmadd_ps(_mm256_cvtepi32_ps(sum[Row]), scale, part[Row])), ...);
    }
    const float* x_scales = task.x.scales + size_t{s} * rows;
    const auto add = [&](__m256 from, float by, float* to) __attribute__((always_inline)) {
      _mm256_storeu_ps(to, _mm256_fmadd_ps(from, _mm256_set1_ps(by), _mm256_loadu_ps(to)));
    };
    (add(part[Row], x_scales[Row], task.sums + Row * panel_columns + first), ...);
  }
}

template <weight_format Format>
struct integer_rows {
  template <int Rows>
  static void run(const product_task& task) {
    for_parts(task, [](const product_part& part) {
      for (uint32_t first = 0; first < panel_columns; first += 8)
        multiply_columns<Format>(part, first, typename count_up<Rows>::type{});
    });
  }
};

/// 5 sums, 5 parts, the codes and what a product needs: 16 registers.
constexpr uint32_t integer_rows_max = 5;

template <weight_format Format>
void multiply_integers(const product_task* task) {
  const flush_scope flushing;
  run_with_rows<integer_rows<Format>, integer_rows_max>(*task, task->rows);
}

template <weight_format Format>
constexpr product_kernel integer_product = {integer_rows_max, values_per_word(Format) / 4,
                                            pack_integers<avx2_quantiser, Format>, multiply_integers<Format>};

}  // namespace

const product_kernels& avx2_products() {
  static constexpr product_kernels table{
      "avx2",
      {float_product<avx2_vector, weight_format::f32>, float_product<avx2_vector, weight_format::f16>,
       float_product<avx2_vector, weight_format::bf16>, integer_product<weight_format::int8>,
       integer_product<weight_format::int4>}};
  return table;
}

}  // namespace troupe
