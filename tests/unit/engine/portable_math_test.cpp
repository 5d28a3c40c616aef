#include "shards/engine/portable_math.hpp"

#include <boost/test/unit_test.hpp>
#include <cmath>

#include "shards/engine/rotary.hpp"
#include "shards/model/rope_config.hpp"
#include "tests/unit/engine/random_model.hpp"

namespace troupe {
namespace {

BOOST_AUTO_TEST_CASE(logarithms_exponentials_sines_and_cosines_agree_with_the_c_library) {
  double worst = 0;
  for (uint64_t i = 0; i < 20000; ++i) {
    const double unit = test::random_value(3, i);
    const double angle = unit * 1e6;
    const auto [sine, cosine] = portable_sine_cosine(angle);
    worst = std::max({worst, std::abs(sine - std::sin(angle)), std::abs(cosine - std::cos(angle))});
    const double exponent = unit * 40;
    worst = std::max(worst, std::abs(portable_exp(exponent) / std::exp(exponent) - 1));
    const double positive = std::exp(unit * 40);
    worst = std::max(worst, std::abs(portable_log(positive) - std::log(positive)) / 40);
  }
  BOOST_TEST(worst < 2e-15);
}

BOOST_AUTO_TEST_CASE(exact_arguments_give_exact_results) {
  BOOST_TEST(portable_log(1.0) == 0.0);
  BOOST_TEST(portable_exp(0.0) == 1.0);
  BOOST_TEST(portable_sine_cosine(0.0).sine == 0.0);
  BOOST_TEST(portable_sine_cosine(0.0).cosine == 1.0);
}

BOOST_AUTO_TEST_CASE(llama3_scaling_keeps_short_waves_slows_long_ones_and_mixes_between) {
  rope_config rope{.theta = 500000, .dims = 128, .scaling = {}};
  const std::vector<double> plain = frequencies_of(rope, 1000).radians;
  rope.scaling = llama3_rope_scaling{};
  const std::vector<double> scaled = frequencies_of(rope, 1000).radians;
  BOOST_TEST(plain.front() == 1.0);
  for (size_t i = 0; i < plain.size(); ++i) {
    const double wave = 2 * M_PI / plain[i];
    if (wave < 2048) {
      BOOST_TEST(scaled[i] == plain[i]);
    } else if (wave > 8192) {
      BOOST_TEST(scaled[i] == plain[i] / 8);
    } else {
      BOOST_TEST(scaled[i] < plain[i]);
      BOOST_TEST(scaled[i] > plain[i] / 8);
    }
  }
}

}  // namespace
}  // namespace troupe
