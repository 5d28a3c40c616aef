// The definition of right for product_kernels.hpp: every other table must give these bits.
#include <bit>
#include <cmath>
#include <cstring>

#include "shards/engine/cpu/product_kernels.hpp"
#include "shards/model/tensor.hpp"

namespace troupe {
namespace {

float flush(float value) { return std::fabs(value) < 0x1p-126F ? std::copysign(0.0F, value) : value; }

float flushed_fma(float a, float b, float c) { return flush(std::fma(flush(a), flush(b), flush(c))); }

float rounded_to_bf16(float value) {
  const uint32_t bits = std::bit_cast<uint32_t>(flush(value));
  if (std::isnan(value)) return value;
  return std::bit_cast<float>((bits + 0x7fff + ((bits >> 16) & 1)) & 0xffff0000);
}

uint32_t word_at(const uint8_t* words, uint32_t word, uint32_t column) {
  uint32_t value = 0;
  std::memcpy(&value, words + (size_t{word} * panel_columns + column) * sizeof value, sizeof value);
  return value;
}

struct f32_values {
  static constexpr weight_format format = weight_format::f32;
  static float activation(float x) { return x; }
  static float weight(uint32_t word, uint32_t) { return std::bit_cast<float>(word); }
};
struct f16_values {
  static constexpr weight_format format = weight_format::f16;
  static float activation(float x) { return x; }
  static float weight(uint32_t word, uint32_t i) {
    return f16_to_f32(static_cast<uint16_t>(word >> (i == 0 ? 16 : 0)));
  }
};
struct bf16_values {
  static constexpr weight_format format = weight_format::bf16;
  static float activation(float x) { return rounded_to_bf16(x); }
  static float weight(uint32_t word, uint32_t i) {
    return bf16_to_f32(static_cast<uint16_t>(word >> (i == 0 ? 16 : 0)));
  }
};

/// Calls visit(segment number, group number, group) for all groups of those segments.
template <class Visit>
void for_groups(const k_cut& cut, uint32_t first, uint32_t last, const Visit& visit) {
  for (uint32_t s = first; s < last; ++s)
    for (uint32_t g = cut.segments[s].first_group; g < cut.segments[s].last_group; ++g) visit(s, g, cut.groups[g]);
}

/// Calls visit(segment number, group number, group, sums of its part) for all groups of a product.
template <class Visit>
void for_parts(const product_task& task, const Visit& visit) {
  for (uint32_t part = 0; part < task.parts; ++part) {
    float* sums = task.sums + size_t{part} * task.rows * panel_columns;
    for_groups(task.cut, task.bounds[part], task.bounds[part + 1],
               [&](uint32_t s, uint32_t g, const k_group& group) { visit(s, g, group, sums); });
  }
}

template <class Values>
void pack_floats(const pack_task* task) {
  constexpr uint32_t per_word = values_per_word(Values::format);
  for_groups(task->cut, task->first, task->last, [&](uint32_t, uint32_t, const k_group& group) {
    uint32_t* to = task->to.words + size_t{group.words_before} * per_word * task->rows;
    for (uint32_t i = 0; i < group.words * per_word; ++i)
      for (uint32_t r = 0; r < task->rows; ++r) {
        const float value = i < group.count ? task->x[r * task->x_stride + group.begin + i] : 0;
        to[size_t{i} * task->rows + r] = std::bit_cast<uint32_t>(Values::activation(value));
      }
  });
}

template <class Values>
void multiply_floats(const product_task* task) {
  constexpr uint32_t per_word = values_per_word(Values::format);
  for_parts(*task, [&](uint32_t, uint32_t, const k_group& group, float* sums) {
    const uint32_t* x = task->x.words + size_t{group.words_before} * per_word * task->rows;
    const uint8_t* words = task->panel + group.panel_offset;
    for (uint32_t i = 0; i < group.words * per_word; ++i)
      for (uint32_t r = 0; r < task->rows; ++r)
        for (uint32_t n = 0; n < panel_columns; ++n) {
          float& sum = sums[r * panel_columns + n];
          sum = flushed_fma(std::bit_cast<float>(x[size_t{i} * task->rows + r]),
                            Values::weight(word_at(words, i / per_word, n), i % per_word), sum);
        }
  });
}

struct int8_codes {
  static constexpr weight_format format = weight_format::int8;
  static constexpr int32_t offset = 128;
  static int32_t code(uint32_t word, uint32_t i) { return static_cast<int32_t>(word >> (8 * i)) & 0xff; }
};
struct int4_codes {
  static constexpr weight_format format = weight_format::int4;
  static constexpr int32_t offset = 8;
  static int32_t code(uint32_t word, uint32_t i) {
    return static_cast<int32_t>(word >> (8 * (i % 4) + 4 * (i / 4))) & 0xf;
  }
};

struct row_scale {
  float scale = 0, inverse = 0;
};

/// Of `count` activations.
row_scale scale_of(const float* x, uint32_t count) {
  uint32_t largest = 0;
  for (uint32_t k = 0; k < count; ++k) {
    const uint32_t bits = std::bit_cast<uint32_t>(x[k]) & 0x7fffffff;
    largest = bits > largest ? bits : largest;
  }
  const auto value = std::bit_cast<float>(largest);
  if (!std::isfinite(value)) return {std::nanf(""), 0};
  if (value < 0x1p-100F) return {};
  return {value / 127, 127 / value};
}

int32_t quantised(float x, const row_scale& by) {
  return by.inverse == 0 ? 0 : static_cast<int32_t>(std::nearbyint(x * by.inverse));
}

template <class Codes>
void pack_integers(const pack_task* task) {
  constexpr uint32_t quads_per_word = values_per_word(Codes::format) / 4;
  for_groups(task->cut, task->first, task->last, [&](uint32_t s, uint32_t g, const k_group& group) {
    const k_segment& segment = task->cut.segments[s];
    const k_group& end = task->cut.groups[segment.last_group - 1];
    const uint32_t begin = task->cut.groups[segment.first_group].begin;
    for (uint32_t r = 0; r < task->rows; ++r) {
      const float* x = task->x + r * task->x_stride;
      const row_scale by = scale_of(x + begin, end.begin + end.count - begin);
      task->to.scales[size_t{s} * task->rows + r] = by.scale;
      int32_t sum = 0;
      for (uint32_t quad = 0; quad < group.words * quads_per_word; ++quad) {
        uint32_t word = 0;
        for (uint32_t i = 0; i < 4; ++i) {
          const uint32_t k = quad * 4 + i;
          const int32_t q = k < group.count ? quantised(x[group.begin + k], by) : 0;
          sum += q;
          word |= (static_cast<uint32_t>(q) & 0xff) << (8 * i);
        }
        task->to.words[(size_t{group.words_before} * quads_per_word + quad) * task->rows + r] = word;
      }
      task->to.starts[size_t{g} * task->rows + r] = -Codes::offset * sum;
    }
  });
}

/// The sum over a group for one row and column, of integers.
template <class Codes>
int32_t inner_sum(const product_task& task, uint32_t g, uint32_t row, const uint8_t* words, uint32_t column) {
  constexpr uint32_t per_word = values_per_word(Codes::format);
  const k_group& group = task.cut.groups[g];
  int32_t sum = task.x.starts[size_t{g} * task.rows + row];
  for (uint32_t i = 0; i < group.words * per_word; ++i) {
    const size_t quad = size_t{group.words_before} * (per_word / 4) + i / 4;
    const auto q = static_cast<int8_t>(task.x.words[quad * task.rows + row] >> (8 * (i % 4)));
    sum += q * Codes::code(word_at(words, i / per_word, column), i % per_word);
  }
  return sum;
}

template <class Codes>
void multiply_integers(const product_task* task) {
  float part[block_rows_max][panel_columns] = {};
  for_parts(*task, [&](uint32_t s, uint32_t g, const k_group& group, float* sums) {
    const uint8_t* scales = task->panel + group.panel_offset;
    for (uint32_t r = 0; r < task->rows; ++r)
      for (uint32_t n = 0; n < panel_columns; ++n) {
        const int32_t inner = inner_sum<Codes>(*task, g, r, scales + panel_scale_bytes, n);
        uint16_t scale = 0;
        std::memcpy(&scale, scales + n * sizeof scale, sizeof scale);
        part[r][n] = flushed_fma(static_cast<float>(inner), f16_to_f32(scale), part[r][n]);
        if (g + 1 < task->cut.segments[s].last_group) continue;
        float& sum = sums[r * panel_columns + n];
        sum = flushed_fma(part[r][n], task->x.scales[size_t{s} * task->rows + r], sum);
        part[r][n] = 0;
      }
  });
}

template <class Values>
constexpr product_kernel floats = {block_rows_max, values_per_word(Values::format), pack_floats<Values>,
                                   multiply_floats<Values>};
template <class Codes>
constexpr product_kernel integers = {block_rows_max, values_per_word(Codes::format) / 4, pack_integers<Codes>,
                                     multiply_integers<Codes>};

}  // namespace

const product_kernels& scalar_products() {
  static constexpr product_kernels table{
      "scalar",
      {floats<f32_values>, floats<f16_values>, floats<bf16_values>, integers<int8_codes>, integers<int4_codes>}};
  return table;
}

}  // namespace troupe
