// The inner loops of the CPU backend, as a table of functions: one for each instruction set. All tables give the same
// bits: each function below says exactly which operations make its result, in which order, and the scalar one is
// written to be read beside it. Every operation is an IEEE one on f32, correctly rounded: + - * / sqrt and fma; nothing
// of libm.
//
// This header and the files that implement it use no templates or inline functions of the standard library: what such a
// file compiles with -mavx512f the linker could pick for the whole program.
#pragma once

#include <cstddef>
#include <cstdint>

namespace troupe {

/// Positions of one block of attention; four pages.
inline constexpr uint32_t attention_block = 64;
/// As kv_page_positions in step.hpp, which this header does not include.
inline constexpr uint32_t page_rows = 16;
inline constexpr uint32_t head_dim_max = 1024;

/// Queries that one call of `attend` takes at most, whatever the table.
inline constexpr uint32_t attention_queries_max = 4;

/// One query head of one row.
struct attention_query {
  const float* query;  // (head_dim)
  float* out;          // (head_dim)
  /// Attends to positions first .. positions - 1; at least one.
  uint32_t first;
  uint32_t positions;
};

/// Queries of one sequence that read the same key/value head, and where its keys and values are.
/// A page's part of one key/value head is keys [head_dim][16] and then values [16][value_stride], of f32 or bf16.
struct attention_task {
  attention_query queries[attention_queries_max];
  uint32_t count;
  uint32_t head_dim;
  float scale;
  /// Scores are capped at this, smoothly; 0: they are not.
  float softcap;
  /// This layer's and head's part of page 0; that of page p is p * page_elements further.
  const void* pool;
  bool bf16;
  size_t page_elements;
  /// Elements from the keys to the values.
  size_t value_offset;
  /// head_dim rounded up to 16; what is beyond head_dim is zero.
  size_t value_stride;
  const uint32_t* pages;
};

struct cpu_kernels {
  const char* name;
  /// Queries that one call of `attend` takes, at most attention_queries_max.
  uint32_t attention_queries;

  /// 16 lanes: lane[i % 16] = fma(x[i], x[i], lane[i % 16]) in the order of i, from zero. The lanes are added in
  /// halves: lane j += lane j + 8, then + 4, + 2, + 1. scale = 1 / sqrt(lane[0] / width + eps); out[i] = (x[i] * scale)
  /// * weight[i]. out may be x.
  void (*rms_norm)(const float* x, const float* weight, float eps, size_t width, float* out);

  /// out[i] = gate[i] / (1 + e(-gate[i])) * up[i], with e as defined in scalar_kernels.cpp. out may be gate or up.
  void (*silu_mul)(const float* gate, const float* up, size_t width, float* out);
  /// With g = gate[i]: out[i] = g / (1 + e(-g * fma(g * g, a, b))) * up[i], with a = 0.07135481627 and b = 1.595769122:
  /// GELU's approximation g / 2 (1 + tanh(sqrt(2 / pi) (g + 0.044715 g^3))) (Hendrycks & Gimpel 2016), since
  /// (1 + tanh(y)) / 2 = 1 / (1 + exp(-2 y)). out may be gate or up.
  void (*gelu_mul)(const float* gate, const float* up, size_t width, float* out);

  /// first[i], second[i] = fma(first[i], c, -(second[i] * s)), fma(second[i], c, first[i] * s), with c = cosines[i],
  /// s = sines[i]. head: (2 * half), first half and second half.
  void (*rotate)(float* head, const float* cosines, const float* sines, size_t half);

  /// Softmax attention, online over blocks of 64 positions counted from 0 (Milakov & Gimelshein 2018; Dao et al. 2022):
  ///   score[j] = scale * (one chain over d = 0, 1, ... of fma(query[d], key[d][j], sum), from zero), and with a
  ///   softcap c: c * t(score[j] / c), with t as defined in scalar_kernels.cpp
  ///   m' = max(m, max score); corr = e(m - m'); p[j] = e(score[j] - m')
  ///   l = fma(l, corr, sum of p), the sum in 16 lanes over j % 16 and added in halves as in rms_norm
  ///   acc[d] = acc[d] * corr, and then fma(p[j], value[j][d], acc[d]) for j = 0, 1, ...
  /// from m = -inf, l = 0, acc = 0; at the end out[d] = acc[d] / l. Only j in first .. positions - 1 count, and blocks
  /// without any are left out. Each query by itself, whatever the others of the task.
  void (*attend)(const attention_task* task);

  /// out[i] = c * t(x[i] / c), with t as defined in scalar_kernels.cpp. out may be x.
  void (*soft_cap)(const float* x, float c, size_t width, float* out);

  /// out[i] = e(x[i] - m) / sum, with m the largest of x, and the sum in 16 lanes over i % 16, added in halves as in
  /// rms_norm. out may be x.
  void (*softmax)(const float* x, size_t width, float* out);

  /// sums[i] = fma(factor, x[i], sums[i]).
  void (*add_scaled)(const float* x, float factor, size_t width, float* sums);
};

const cpu_kernels& scalar_kernels();
/// Only where the processor has AVX2 and FMA, or AVX-512F; only on x86-64.
const cpu_kernels& avx2_kernels();
const cpu_kernels& avx512_kernels();

}  // namespace troupe
