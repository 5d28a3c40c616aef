// A few functions of mathematics in f64 that give the same bits on every machine: made of + - * / and fma alone, where
// the C library's may differ between its versions and processors. For tables that are computed once, not for speed.
#pragma once

namespace troupe {

/// Natural logarithm; x > 0, finite and normal. Within a few units in the last place.
double portable_log(double x);
/// e to the x; |x| <= 700.
double portable_exp(double x);

struct sine_cosine {
  double sine = 0, cosine = 1;
};
/// |x| <= 2^27, within 1e-15.
sine_cosine portable_sine_cosine(double x);

}  // namespace troupe
