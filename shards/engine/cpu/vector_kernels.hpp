// The kernels of cpu_kernels.hpp over vectors of 16 floats. Included by avx2_kernels.cpp and avx512_kernels.cpp alone,
// which define what such a vector is. Everything here is local to the file that includes it, so that no function
// compiled for one instruction set is ever called on a processor with another.
//
// A `Vector` has 16 lanes and: zero(), all(f), load(p), load_first(p, n), store(p), store_first(p, n), load_bf16(p);
// fma(a, b, c), fused_minus(a, b, c) = a b - c, and + - * /, lane by lane; larger(a, b) and smaller(a, b), which give b
// where either is no number; first_of(n, a, b), lanes below n from a, the others from b; power_of_two(s), see
// scalar_kernels.cpp; sum(), the lanes added in halves; largest(). `Vector::product_rows` x `Vector::product_vectors`
// is the block of sums that fits into the registers.
#pragma once

#include "shards/engine/cpu/cpu_kernels.hpp"

namespace troupe {
namespace {

template <int... Index>
struct indices {};
template <int Count, int... Index>
struct count_up : count_up<Count - 1, Count - 1, Index...> {};
template <int... Index>
struct count_up<0, Index...> {
  using type = indices<Index...>;
};

template <class Vector>
Vector load_weights(const uint16_t* bf16) {
  return Vector::load_bf16(bf16);
}
template <class Vector>
Vector load_weights(const float* f32) {
  return Vector::load(f32);
}

inline constexpr size_t lanes = 16;

/// A block of sums, all in registers. g++ 12 keeps an array that is indexed in a loop in memory, even an unrolled one,
/// at half the speed; hence the folds, whose indices are constants.
template <class Vector, class Weight, int... Row, int... Column>
void block_products(const float* x, size_t x_stride, const Weight* panel, size_t depth, float* sums, indices<Row...>,
                    indices<Column...>) {
  constexpr int columns = sizeof...(Column);
  Vector sum[sizeof...(Row)][columns];
  const auto load_row = [&](Vector(&row)[columns], const float* from) __attribute__((always_inline)) {
    ((row[Column] = Vector::load(from + Column * lanes)), ...);
  };
  const auto store_row = [&](const Vector(&row)[columns], float* to) __attribute__((always_inline)) {
    (row[Column].store(to + Column * lanes), ...);
  };
  (load_row(sum[Row], sums + Row * panel_columns), ...);
  for (size_t k = 0; k < depth; ++k) {
    const Vector weights[columns] = {load_weights<Vector>(panel + k * panel_columns + Column * lanes)...};
    const auto add_row = [&](Vector(&row)[columns], float value) __attribute__((always_inline)) {
      const Vector factor = Vector::all(value);
      ((row[Column] = fma(factor, weights[Column], row[Column])), ...);
    };
    (add_row(sum[Row], x[Row * x_stride + k]), ...);
  }
  (store_row(sum[Row], sums + Row * panel_columns), ...);
}

template <class Vector, class Weight, int Rows>
void products_of_rows(const float* x, size_t x_stride, uint32_t rows, const Weight* panel, size_t depth, float* sums) {
  if constexpr (Rows > 0) {
    if (rows != Rows) {
      products_of_rows<Vector, Weight, Rows - 1>(x, x_stride, rows, panel, depth, sums);
      return;
    }
    constexpr int columns = Vector::product_vectors;
    for (uint32_t column = 0; column < panel_columns; column += columns * lanes) {
      block_products<Vector>(x, x_stride, panel + column, depth, sums + column, typename count_up<Rows>::type{},
                             typename count_up<columns>::type{});
    }
  }
}

template <class Vector, class Weight>
void vector_products(const float* x, size_t x_stride, uint32_t rows, const Weight* panel, size_t depth, float* sums) {
  constexpr uint32_t most = Vector::product_rows;
  for (uint32_t row = 0; row < rows; row += most) {
    const uint32_t count = rows - row < most ? rows - row : most;
    products_of_rows<Vector, Weight, most>(x + row * x_stride, x_stride, count, panel, depth,
                                           sums + size_t{row} * panel_columns);
  }
}

template <class Vector>
struct exponential_parts {
  Vector power, q, r;
};

template <class Vector>
__attribute__((always_inline)) inline exponential_parts<Vector> split_exponential(Vector x) {
  const Vector shift = Vector::all(12582912.0F);
  const Vector shifted = fma(x, Vector::all(1.44269504F), shift);
  const Vector n = shifted - shift;
  Vector r = fma(n, Vector::all(-0.693145752F), x);
  r = fma(n, Vector::all(-1.42860677e-6F), r);
  Vector p = Vector::all(1.0F / 5040);
  p = fma(p, r, Vector::all(1.0F / 720));
  p = fma(p, r, Vector::all(1.0F / 120));
  p = fma(p, r, Vector::all(1.0F / 24));
  p = fma(p, r, Vector::all(1.0F / 6));
  p = fma(p, r, Vector::all(0.5F));
  p = fma(p, r, Vector::all(1.0F));
  return {power_of_two(shifted), p, r};
}

template <class Vector>
__attribute__((always_inline)) inline Vector exponential(Vector x) {
  x = larger(Vector::all(-87.0F), x);
  x = smaller(Vector::all(88.0F), x);
  const exponential_parts<Vector> e = split_exponential(x);
  return fma(e.q, e.r, Vector::all(1.0F)) * e.power;
}

/// c * t(x / c), with t of scalar_kernels.cpp.
template <class Vector>
Vector capped(Vector x, Vector c) {
  x = x / c;
  x = larger(Vector::all(-10.0F), x);
  x = smaller(Vector::all(10.0F), x);
  const exponential_parts<Vector> e = split_exponential(x + x);
  const Vector d = fma(e.power, e.q * e.r, e.power - Vector::all(1.0F));
  return c * (d / (d + Vector::all(2.0F)));
}

/// Calls step(i, n) for i = 0, 16, ..., where n lanes from i on are in [0, width).
template <class Step>
void in_vectors(size_t width, const Step& step) {
  size_t i = 0;
  for (; i + lanes <= width; i += lanes) step(i, lanes);
  if (i < width) step(i, width - i);
}

template <class Vector>
Vector load_up_to(const float* from, size_t count) {
  return count == lanes ? Vector::load(from) : Vector::load_first(from, count);
}

template <class Vector>
void store_up_to(Vector value, float* to, size_t count) {
  if (count == lanes) {
    value.store(to);
  } else {
    value.store_first(to, count);
  }
}

template <class Vector>
void vector_rms_norm(const float* x, const float* weight, float eps, size_t width, float* out) {
  Vector squares = Vector::zero();
  in_vectors(width, [&](size_t i, size_t count) {
    const Vector value = load_up_to<Vector>(x + i, count);
    squares = fma(value, value, squares);
  });
  const float mean = squares.sum() / static_cast<float>(width);
  const Vector scale = Vector::all(1.0F / __builtin_sqrtf(mean + eps));
  in_vectors(width, [&](size_t i, size_t count) {
    store_up_to((load_up_to<Vector>(x + i, count) * scale) * load_up_to<Vector>(weight + i, count), out + i, count);
  });
}

template <class Vector>
void vector_silu_mul(const float* gate, const float* up, size_t width, float* out) {
  in_vectors(width, [&](size_t i, size_t count) {
    const Vector g = load_up_to<Vector>(gate + i, count);
    const Vector divisor = Vector::all(1.0F) + exponential(Vector::zero() - g);
    store_up_to(g / divisor * load_up_to<Vector>(up + i, count), out + i, count);
  });
}

template <class Vector>
void vector_rotate(float* head, const float* cosines, const float* sines, size_t half) {
  in_vectors(half, [&](size_t i, size_t count) {
    const Vector first = load_up_to<Vector>(head + i, count);
    const Vector second = load_up_to<Vector>(head + half + i, count);
    const Vector c = load_up_to<Vector>(cosines + i, count);
    const Vector s = load_up_to<Vector>(sines + i, count);
    store_up_to(fused_minus(first, c, second * s), head + i, count);
    store_up_to(fma(second, c, first * s), head + half + i, count);
  });
}

inline constexpr uint32_t block_pages = attention_block / page_rows;

/// One block of attention: the pages of its positions, and how many there are.
struct attention_block_pages {
  const float* page[block_pages];
  /// The pages of the next block, to be fetched meanwhile: the processor does not foresee where they are.
  const float* next_page[block_pages];
  /// Of its positions, those from `begin` up to `count` are attended to.
  uint32_t begin, count;
};

/// scores (64) of a block, scaled and capped; those of positions that are none mean nothing.
template <class Vector>
void block_scores(const attention_task& task, const attention_block_pages& block, Vector (&score)[block_pages]) {
  Vector a = Vector::zero();
  Vector b = Vector::zero();
  Vector c = Vector::zero();
  Vector e = Vector::zero();
  for (size_t d = 0; d < task.head_dim; ++d) {
    const Vector q = Vector::all(task.query[d]);
    for (const float* page : block.next_page) __builtin_prefetch(page + d * page_rows);
    a = fma(q, Vector::load(block.page[0] + d * page_rows), a);
    b = fma(q, Vector::load(block.page[1] + d * page_rows), b);
    c = fma(q, Vector::load(block.page[2] + d * page_rows), c);
    e = fma(q, Vector::load(block.page[3] + d * page_rows), e);
  }
  const Vector scale = Vector::all(task.scale);
  score[0] = a * scale;
  score[1] = b * scale;
  score[2] = c * scale;
  score[3] = e * scale;
  if (task.softcap != 0)
    for (Vector& some : score) some = capped(some, Vector::all(task.softcap));
}

/// acc[d] = fma(acc[d], correction, sum over the block of p[j] value[j][d]) for Width vectors of d.
template <class Vector, int Width>
void add_values(const attention_task& task, const attention_block_pages& block, const float* p, float correction,
                size_t first, float* acc) {
  const size_t offset = task.value_offset + first;
  const auto row = [&](uint32_t j) { return block.page[j / page_rows] + offset + (j % page_rows) * task.value_stride; };
  Vector c0[Width];
  Vector c1[Width];
  Vector c2[Width];
  Vector c3[Width];
  for (int w = 0; w < Width; ++w) c0[w] = c1[w] = c2[w] = c3[w] = Vector::zero();
  const auto add = [&](Vector(&chain)[Width], uint32_t j) __attribute__((always_inline)) {
    const Vector weight = Vector::all(p[j]);
    const float* values = row(j);
    const float* next = block.next_page[j / page_rows] + offset + (j % page_rows) * task.value_stride;
    for (int w = 0; w < Width; ++w) __builtin_prefetch(next + w * lanes);
    for (int w = 0; w < Width; ++w) chain[w] = fma(weight, Vector::load(values + w * lanes), chain[w]);
  };
  uint32_t j = block.begin / 4 * 4;
  for (; j + 4 <= block.count; j += 4) {
    add(c0, j);
    add(c1, j + 1);
    add(c2, j + 2);
    add(c3, j + 3);
  }
  if (j < block.count) add(c0, j);
  if (j + 1 < block.count) add(c1, j + 1);
  if (j + 2 < block.count) add(c2, j + 2);
  for (int w = 0; w < Width; ++w) {
    const Vector sum = (c0[w] + c1[w]) + (c2[w] + c3[w]);
    fma(Vector::load(acc + first + w * lanes), Vector::all(correction), sum).store(acc + first + w * lanes);
  }
}

template <class Vector>
void vector_attend(const attention_task* pointer) {
  const attention_task& task = *pointer;
  const size_t width = task.value_stride;  // head_dim, rounded up to whole vectors
  alignas(64) float acc[head_dim_max];
  for (size_t d = 0; d < width; d += lanes) Vector::zero().store(acc + d);
  const Vector nothing = Vector::all(-__builtin_inff());
  float m = -__builtin_inff();
  float l = 0;
  const uint32_t first_block = task.first / attention_block * attention_block;
  for (uint32_t start = first_block; start < task.positions; start += attention_block) {
    const uint32_t left = task.positions - start;
    attention_block_pages block{};
    block.begin = task.first > start ? task.first - start : 0;
    block.count = left < attention_block ? left : attention_block;
    // A page that the block does not reach is read as its first one, and then left out.
    const auto page_at = [&](uint32_t position, uint32_t otherwise) {
      return task.pool + task.pages[(position < task.positions ? position : otherwise) / page_rows] * task.page_floats;
    };
    for (uint32_t i = 0; i < block_pages; ++i) {
      block.page[i] = page_at(start + i * page_rows, start);
      block.next_page[i] = page_at(start + attention_block + i * page_rows, start);
    }
    Vector score[block_pages];
    block_scores(task, block, score);

    // How many of page i's positions come before `end`, which is one of the block's.
    const auto count_before = [](uint32_t i, uint32_t end) -> size_t {
      const uint32_t before = i * page_rows;
      return end <= before ? 0 : (end - before < page_rows ? end - before : page_rows);
    };
    const auto attended = [&](uint32_t i, Vector value, Vector otherwise) {
      return first_of(count_before(i, block.begin), otherwise,
                      first_of(count_before(i, block.count), value, otherwise));
    };
    Vector largest = nothing;
    for (uint32_t i = 0; i < block_pages; ++i) largest = larger(largest, attended(i, score[i], nothing));
    const float block_largest = largest.largest();
    const float m_next = m > block_largest ? m : block_largest;

    alignas(64) float p[attention_block];
    Vector sum = Vector::zero();
    for (uint32_t i = 0; i < block_pages; ++i) {
      const Vector weight = attended(i, exponential(score[i] - Vector::all(m_next)), Vector::zero());
      sum = sum + weight;
      weight.store(p + i * page_rows);
    }
    const float correction = exponential(Vector::all(m - m_next)).first();
    l = __builtin_fmaf(l, correction, sum.sum());
    size_t d = 0;
    for (; d + 2 * lanes <= width; d += 2 * lanes) add_values<Vector, 2>(task, block, p, correction, d, acc);
    if (d < width) add_values<Vector, 1>(task, block, p, correction, d, acc);
    m = m_next;
  }
  in_vectors(task.head_dim,
             [&](size_t d, size_t count) { store_up_to(Vector::load(acc + d) / Vector::all(l), task.out + d, count); });
}

template <class Vector>
void vector_soft_cap(const float* x, float c, size_t width, float* out) {
  in_vectors(width, [&](size_t i, size_t count) {
    store_up_to(capped(load_up_to<Vector>(x + i, count), Vector::all(c)), out + i, count);
  });
}

template <class Vector>
constexpr cpu_kernels kernels_of(const char* name) {
  return {name,
          vector_products<Vector, uint16_t>,
          vector_products<Vector, float>,
          vector_rms_norm<Vector>,
          vector_silu_mul<Vector>,
          vector_rotate<Vector>,
          vector_attend<Vector>,
          vector_soft_cap<Vector>};
}

}  // namespace
}  // namespace troupe
