#include "shards/engine/portable_math.hpp"

#include <bit>
#include <cmath>
#include <cstdint>

namespace troupe {
namespace {

// ln 2 and pi / 2 as sums of doubles, each the nearest to what the ones before it left (Cody & Waite 1980).
constexpr double ln2_high = 0x1.62e42fefa39efp-1;
constexpr double ln2_low = 0x1.abc9e3b39803fp-56;
constexpr double half_pi_high = 0x1.921fb54442d18p+0;
constexpr double half_pi_middle = 0x1.1a62633145c07p-54;
constexpr double half_pi_low = -0x1.f1976b7ed8fbcp-110;

/// The nearest integer, as a double; |x| < 2^51.
double nearest(double x) {
  constexpr double shift = 0x1.8p52;
  return (x + shift) - shift;
}

}  // namespace

double portable_log(double x) {
  // x = m 2^e with m in [0.75, 1.5); ln m = 2 artanh((m - 1) / (m + 1)), whose series converges as 0.2^2k.
  const auto bits = std::bit_cast<uint64_t>(x);
  int64_t exponent = static_cast<int64_t>(bits >> 52) - 1023;
  double m = std::bit_cast<double>((bits & 0x000fffffffffffffULL) | 0x3ff0000000000000ULL);
  if (m >= 1.5) {
    m /= 2;
    exponent += 1;
  }
  const double s = (m - 1) / (m + 1);
  const double square = s * s;
  double sum = 0;
  for (int k = 25; k >= 1; k -= 2) sum = std::fma(sum, square, 1.0 / k);
  const auto e = static_cast<double>(exponent);
  return std::fma(e, ln2_high, std::fma(e, ln2_low, 2 * s * sum));
}

double portable_exp(double x) {
  const double n = nearest(x / ln2_high);
  const double r = std::fma(-n, ln2_low, std::fma(-n, ln2_high, x));
  double sum = 1;
  for (int k = 18; k >= 1; --k) sum = std::fma(sum, r / k, 1.0);  // Taylor: 0.35^19 / 19! is below 1e-25.
  const auto power = static_cast<uint64_t>(1023 + static_cast<int64_t>(n)) << 52;
  return sum * std::bit_cast<double>(power);
}

sine_cosine portable_sine_cosine(double x) {
  const double n = nearest(x / half_pi_high);
  double r = std::fma(-n, half_pi_high, x);
  r = std::fma(-n, half_pi_middle, r);
  r = std::fma(-n, half_pi_low, r);
  // Taylor on [-pi/4, pi/4]: 0.79^23 / 23! is below 1e-24.
  const double square = r * r;
  double sine = 1;
  for (int k = 20; k >= 2; k -= 2) sine = std::fma(sine, -square / (k * (k + 1)), 1.0);
  sine *= r;
  double cosine = 1;
  for (int k = 21; k >= 1; k -= 2) cosine = std::fma(cosine, -square / (k * (k + 1)), 1.0);
  switch (static_cast<int64_t>(n) & 3) {
    case 0: return {sine, cosine};
    case 1: return {cosine, -sine};
    case 2: return {-sine, -cosine};
    default: return {-cosine, sine};
  }
}

}  // namespace troupe
