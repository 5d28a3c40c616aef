#include "shards/sampling/portable_math.hpp"

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <random>

namespace troupe {
namespace {

double relative_error(double got, double expected) { return std::abs(got - expected) / std::abs(expected); }

BOOST_AUTO_TEST_CASE(exp_is_within_a_few_units_in_the_last_place) {
  std::mt19937_64 random(1);
  double worst = 0;
  for (int i = 0; i < 200000; ++i) {
    // Small and large arguments alike.
    double x = -std::ldexp(static_cast<double>(random() >> 11), static_cast<int>(random() % 30) - 73);
    worst = std::max(worst, relative_error(exp_of_negative(x), std::exp(x)));
  }
  BOOST_TEST(worst < 1e-15);
}

BOOST_AUTO_TEST_CASE(exp_is_exact_at_zero_and_zero_far_below) {
  BOOST_TEST(exp_of_negative(0.0) == 1.0);
  BOOST_TEST(exp_of_negative(-0.0) == 1.0);
  BOOST_TEST(exp_of_negative(-700.0) > 0.0);
  BOOST_TEST(exp_of_negative(-700.1) == 0.0);
  BOOST_TEST(exp_of_negative(-std::numeric_limits<double>::infinity()) == 0.0);
}

BOOST_AUTO_TEST_CASE(log_is_within_a_few_units_in_the_last_place) {
  std::mt19937_64 random(2);
  double worst = 0;
  for (int i = 0; i < 200000; ++i) {
    double x = std::ldexp(static_cast<double>(random() >> 11) + 1, static_cast<int>(random() % 80) - 53);
    double expected = std::log(x);
    worst = std::max(worst, relative_error(log_of_positive(x), expected == 0 ? 1 : expected));
  }
  BOOST_TEST(worst < 1e-15);
}

BOOST_AUTO_TEST_CASE(log_is_right_near_one_and_at_powers_of_two) {
  BOOST_TEST(log_of_positive(1.0) == 0.0);
  for (double distance = 0.25; distance > 1e-12; distance /= 3) {
    BOOST_TEST(relative_error(log_of_positive(1 + distance), std::log(1 + distance)) < 1e-15);
    BOOST_TEST(relative_error(log_of_positive(1 - distance), std::log(1 - distance)) < 1e-15);
  }
  for (int e = -40; e <= 63; ++e) {
    if (e != 0) BOOST_TEST(relative_error(log_of_positive(std::ldexp(1.0, e)), e * std::log(2.0)) < 1e-15);
  }
}

// The bits themselves: what another compiler, flag or machine must also give. Recorded from this code on x86-64 without
// FMA (g++ 12); checked against libm in the cases above.
BOOST_AUTO_TEST_CASE(exp_and_log_have_the_recorded_bits) {
  uint64_t hash = 1469598103934665603U;
  auto mix = [&](double value) { hash = (hash ^ std::bit_cast<uint64_t>(value)) * 1099511628211U; };
  for (int i = 0; i < 20000; ++i) mix(exp_of_negative(-0.00173 * i));
  for (int i = 0; i < 20000; ++i) mix(log_of_positive(1 + 0.37 * i));
  BOOST_TEST(hash == 12494020360797446876U);
}

}  // namespace
}  // namespace troupe
