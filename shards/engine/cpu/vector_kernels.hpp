// The kernels of cpu_kernels.hpp over vectors of 16 floats. Included by avx2_kernels.cpp and avx512_kernels.cpp alone,
// which define what such a vector is. Everything here is local to the file that includes it, so that no function
// compiled for one instruction set is ever called on a processor with another.
//
// A `Vector` has 16 lanes and: zero(), all(f), load(p), load_first(p, n), store(p), store_first(p, n), load_bf16(p);
// fma(a, b, c), fused_minus(a, b, c) = a b - c, and + - * /, lane by lane; larger(a, b) and smaller(a, b), which give b
// where either is no number; first_of(n, a, b), lanes below n from a, the others from b; power_of_two(s), see
// scalar_kernels.cpp; sum(), the lanes added in halves; largest(). `Vector::product_rows` x `Vector::product_vectors`
// is the block of sums that fits into the registers, and so are four vectors each of `Vector::attention_queries`.
#pragma once

#include "shards/engine/cpu/vector_attention.hpp"
#include "shards/engine/cpu/vector_math.hpp"

namespace troupe {
namespace {

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
void vector_gelu_mul(const float* gate, const float* up, size_t width, float* out) {
  in_vectors(width, [&](size_t i, size_t count) {
    const Vector g = load_up_to<Vector>(gate + i, count);
    const Vector y = g * fma(g * g, Vector::all(0.07135481627F), Vector::all(1.595769122F));
    const Vector divisor = Vector::all(1.0F) + exponential(Vector::zero() - y);
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

template <class Vector>
void vector_soft_cap(const float* x, float c, size_t width, float* out) {
  in_vectors(width, [&](size_t i, size_t count) {
    store_up_to(capped(load_up_to<Vector>(x + i, count), Vector::all(c)), out + i, count);
  });
}

template <class Vector>
void vector_softmax(const float* x, size_t width, float* out) {
  const Vector nothing = Vector::all(-__builtin_inff());
  Vector largest = nothing;
  in_vectors(width, [&](size_t i, size_t count) {
    largest = larger(largest, first_of(count, load_up_to<Vector>(x + i, count), nothing));
  });
  const Vector m = Vector::all(largest.largest());
  Vector sum = Vector::zero();
  in_vectors(width, [&](size_t i, size_t count) {
    const Vector weight = first_of(count, exponential(load_up_to<Vector>(x + i, count) - m), Vector::zero());
    sum = sum + weight;
    store_up_to(weight, out + i, count);
  });
  const Vector divisor = Vector::all(sum.sum());
  in_vectors(width, [&](size_t i, size_t count) {
    store_up_to(load_up_to<Vector>(out + i, count) / divisor, out + i, count);
  });
}

template <class Vector>
void vector_add_scaled(const float* x, float factor, size_t width, float* sums) {
  in_vectors(width, [&](size_t i, size_t count) {
    const Vector sum = load_up_to<Vector>(sums + i, count);
    store_up_to(fma(Vector::all(factor), load_up_to<Vector>(x + i, count), sum), sums + i, count);
  });
}

template <class Vector>
constexpr cpu_kernels kernels_of(const char* name) {
  return {name,
          Vector::attention_queries,
          vector_rms_norm<Vector>,
          vector_silu_mul<Vector>,
          vector_gelu_mul<Vector>,
          vector_rotate<Vector>,
          vector_attend<Vector>,
          vector_soft_cap<Vector>,
          vector_softmax<Vector>,
          vector_add_scaled<Vector>};
}

}  // namespace
}  // namespace troupe
