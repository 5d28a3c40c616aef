// Mathematics over vectors of 16 floats, with the bits of scalar_kernels.cpp; see vector_kernels.hpp.
#pragma once

#include "shards/engine/cpu/cpu_kernels.hpp"

namespace troupe {
namespace {

inline constexpr size_t lanes = 16;

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

}  // namespace
}  // namespace troupe
