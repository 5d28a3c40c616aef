// exp and log whose bits depend on IEEE 754 alone: additions, multiplications and divisions in f64, never fused (the
// project compiles with -ffp-contract=off), no libm, whose last bits differ between versions and machines. Both are
// within a few units in the last place.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace troupe {

namespace detail {
// ln 2 in two parts; the first has 32 significant bits, so that k * ln2_high is exact for every |k| < 2^20.
// Cody & Waite 1980, "Software Manual for the Elementary Functions", chapter 6.
inline constexpr double ln2_high = 0x1.62e42feep-1;
inline constexpr double ln2_low = 0x1.a39ef35793c76p-33;
inline constexpr double log2_e = 0x1.71547652b82fep+0;
// Adding it rounds a small double to a whole number, which then lies in the low bits of the sum.
inline constexpr double rounder = 0x1.8p52;

// 1/n!
inline constexpr std::array<double, 14> inverse_factorial = [] {
  std::array<double, 14> out{1.0};
  double factorial = 1;
  for (size_t n = 1; n < out.size(); ++n) {
    factorial *= static_cast<double>(n);  // exact: 13! < 2^53
    out[n] = 1.0 / factorial;
  }
  return out;
}();

/// e^x for -700 <= x <= 0. Always inlined: see logit_scans_loops.hpp.
[[gnu::always_inline]] inline double exp_in_range(double x) {
  // x = k ln 2 + r with |r| <= ln 2 / 2, and e^x = 2^k e^r. The Taylor series' first term left out is below 2^-57.
  double shifted = x * log2_e + rounder;
  double k = shifted - rounder;
  double r = (x - k * ln2_high) - k * ln2_low;
  double sum = inverse_factorial[13];
  for (size_t n = 13; n-- > 0;) sum = sum * r + inverse_factorial[n];
  // The low bits of `shifted` are k in two's complement; the bits above them shift out.
  uint64_t scale = (std::bit_cast<uint64_t>(shifted) + 1023) << 52;
  return sum * std::bit_cast<double>(scale);
}
}  // namespace detail

/// e^x for x <= 0; 0 below -700, where the result would leave the normal doubles. Exactly 1 at 0.
inline double exp_of_negative(double x) { return x >= -700.0 ? detail::exp_in_range(x) : 0.0; }

/// Natural logarithm of a normal x > 0.
inline double log_of_positive(double x) {
  using namespace detail;
  // x = m 2^e with m in [sqrt(1/2), sqrt(2)); log m = 2 artanh(f), f = (m - 1) / (m + 1), |f| < 0.1716.
  uint64_t bits = std::bit_cast<uint64_t>(x);
  auto exponent = static_cast<int64_t>(bits >> 52) - 1023;
  double m = std::bit_cast<double>((bits & 0x000FFFFFFFFFFFFFU) | 0x3FF0000000000000U);
  if (m > 0x1.6a09e667f3bcdp+0) {
    m *= 0.5;
    ++exponent;
  }
  double f = (m - 1.0) / (m + 1.0);
  double square = f * f;
  double sum = 0;
  for (int n = 23; n >= 3; n -= 2) sum = (sum + 1.0 / n) * square;
  auto e = static_cast<double>(exponent);
  return e * ln2_high + (2.0 * f + (2.0 * f * sum + e * ln2_low));
}

}  // namespace troupe
