// The definition of right: every other table of kernels must give these bits.
#include <bit>
#include <cmath>

#include "shards/engine/cpu/cpu_kernels.hpp"

namespace troupe {
namespace {

constexpr uint32_t lanes = 16;

/// Adds the lanes in halves.
float add_lanes(float (&lane)[lanes]) {
  for (uint32_t width = lanes / 2; width > 0; width /= 2)
    for (uint32_t j = 0; j < width; ++j) lane[j] += lane[j + width];
  return lane[0];
}

/// e^x in two factors: power (1 + rest). |x| <= 88.
/// x = n ln 2 + r with |r| <= ln 2 / 2 (Cody & Waite 1980: ln 2 in two parts), power = 2^n, rest = r q with q from the
/// Taylor polynomial of e^r of degree 7, whose remainder is below 6e-9.
struct exponential_parts {
  float power, q, r;
};

exponential_parts split_exponential(float x) {
  constexpr float shift = 12582912.0F;  // 1.5 * 2^23: adding it leaves the nearest integer in the low bits.
  const float shifted = std::fma(x, 1.44269504F, shift);
  const float n = shifted - shift;
  float r = std::fma(n, -0.693145752F, x);
  r = std::fma(n, -1.42860677e-6F, r);
  float p = 1.0F / 5040;
  p = std::fma(p, r, 1.0F / 720);
  p = std::fma(p, r, 1.0F / 120);
  p = std::fma(p, r, 1.0F / 24);
  p = std::fma(p, r, 1.0F / 6);
  p = std::fma(p, r, 0.5F);
  p = std::fma(p, r, 1.0F);
  const uint32_t power = (std::bit_cast<uint32_t>(shifted) << 23) + (uint32_t{127} << 23);
  return {std::bit_cast<float>(power), p, r};
}

/// e(x): e to the power of x, within two units in the last place, for x in [-87, 88]; outside of it, the value at the
/// border. NaN gives NaN: the comparisons are written so that it passes.
float exponential(float x) {
  x = -87.0F > x ? -87.0F : x;
  x = 88.0F < x ? 88.0F : x;
  const exponential_parts e = split_exponential(x);
  return std::fma(e.q, e.r, 1.0F) * e.power;
}

/// t(x): the hyperbolic tangent, d / (d + 2) with d = e^2x - 1, which keeps its digits near zero. It is 1 or -1 in f32
/// beyond the borders.
float hyperbolic_tangent(float x) {
  x = -10.0F > x ? -10.0F : x;
  x = 10.0F < x ? 10.0F : x;
  const exponential_parts e = split_exponential(x + x);
  const float d = std::fma(e.power, e.q * e.r, e.power - 1.0F);
  return d / (d + 2.0F);
}

float capped(float x, float c) { return c * hyperbolic_tangent(x / c); }

void rms_norm(const float* x, const float* weight, float eps, size_t width, float* out) {
  float lane[lanes] = {};
  for (size_t i = 0; i < width; ++i) lane[i % lanes] = std::fma(x[i], x[i], lane[i % lanes]);
  const float mean = add_lanes(lane) / static_cast<float>(width);
  const float scale = 1.0F / std::sqrt(mean + eps);
  for (size_t i = 0; i < width; ++i) out[i] = (x[i] * scale) * weight[i];
}

void silu_mul(const float* gate, const float* up, size_t width, float* out) {
  for (size_t i = 0; i < width; ++i) out[i] = gate[i] / (1.0F + exponential(-gate[i])) * up[i];
}

void gelu_mul(const float* gate, const float* up, size_t width, float* out) {
  for (size_t i = 0; i < width; ++i) {
    const float g = gate[i];
    out[i] = g / (1.0F + exponential(-(g * std::fma(g * g, 0.07135481627F, 1.595769122F)))) * up[i];
  }
}

void rotate(float* head, const float* cosines, const float* sines, size_t half) {
  for (size_t i = 0; i < half; ++i) {
    const float first = head[i];
    const float second = head[half + i];
    head[i] = std::fma(first, cosines[i], -(second * sines[i]));
    head[half + i] = std::fma(second, cosines[i], first * sines[i]);
  }
}

float widen(uint16_t bf16) { return std::bit_cast<float>(uint32_t{bf16} << 16); }
float widen(float f32) { return f32; }

template <class Element>
void attend(const attention_task& task, const attention_query& query) {
  const size_t dim = task.head_dim;
  float acc[head_dim_max] = {};
  float m = -INFINITY;
  float l = 0;
  const uint32_t first_block = query.first / attention_block * attention_block;
  for (uint32_t start = first_block; start < query.positions; start += attention_block) {
    const uint32_t left = query.positions - start;
    const uint32_t count = left < attention_block ? left : attention_block;
    const uint32_t begin = query.first > start ? query.first - start : 0;
    const auto page = [&](uint32_t j) {
      return static_cast<const Element*>(task.pool) + task.pages[(start + j) / page_rows] * task.page_elements;
    };

    float p[attention_block];
    float m_next = m;
    for (uint32_t j = begin; j < count; ++j) {
      const Element* keys = page(j);
      float sum = 0;
      for (size_t d = 0; d < dim; ++d) sum = std::fma(query.query[d], widen(keys[d * page_rows + j % page_rows]), sum);
      p[j] = sum * task.scale;
      if (task.softcap != 0) p[j] = capped(p[j], task.softcap);
      m_next = m_next > p[j] ? m_next : p[j];
    }
    float lane[lanes] = {};
    for (uint32_t j = begin; j < count; ++j) {
      p[j] = exponential(p[j] - m_next);
      lane[j % lanes] += p[j];
    }
    const float correction = exponential(m - m_next);
    l = std::fma(l, correction, add_lanes(lane));
    for (size_t d = 0; d < dim; ++d) acc[d] *= correction;
    for (uint32_t j = begin; j < count; ++j) {
      const Element* values = page(j) + task.value_offset + (j % page_rows) * task.value_stride;
      for (size_t d = 0; d < dim; ++d) acc[d] = std::fma(p[j], widen(values[d]), acc[d]);
    }
    m = m_next;
  }
  for (size_t d = 0; d < dim; ++d) query.out[d] = acc[d] / l;
}

void attend(const attention_task* task) {
  for (uint32_t q = 0; q < task->count; ++q) {
    if (task->bf16) {
      attend<uint16_t>(*task, task->queries[q]);
    } else {
      attend<float>(*task, task->queries[q]);
    }
  }
}

void soft_cap(const float* x, float c, size_t width, float* out) {
  for (size_t i = 0; i < width; ++i) out[i] = capped(x[i], c);
}

void softmax(const float* x, size_t width, float* out) {
  float m = -INFINITY;
  for (size_t i = 0; i < width; ++i) m = m > x[i] ? m : x[i];
  float lane[lanes] = {};
  for (size_t i = 0; i < width; ++i) {
    out[i] = exponential(x[i] - m);
    lane[i % lanes] += out[i];
  }
  const float sum = add_lanes(lane);
  for (size_t i = 0; i < width; ++i) out[i] /= sum;
}

void add_scaled(const float* x, float factor, size_t width, float* sums) {
  for (size_t i = 0; i < width; ++i) sums[i] = std::fma(factor, x[i], sums[i]);
}

}  // namespace

const cpu_kernels& scalar_kernels() {
  static constexpr cpu_kernels table{
      "scalar", attention_queries_max, rms_norm, silu_mul, gelu_mul, rotate, attend, soft_cap, softmax, add_scaled};
  return table;
}

}  // namespace troupe
