#include "shards/pooling/pooling.hpp"

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <random>

namespace troupe {
namespace {

double length(const std::vector<float>& values) {
  double squares = 0;
  for (float value : values) squares += double{value} * value;
  return std::sqrt(squares);
}

std::vector<float> random_row(size_t size, uint32_t seed) {
  std::mt19937 random(seed);
  std::vector<float> row(size);
  for (float& value : row) value = static_cast<float>(random() % 2001) / 500.0F - 2.0F;
  return row;
}

BOOST_AUTO_TEST_CASE(a_vector_becomes_one_of_length_one_and_keeps_its_direction) {
  BOOST_TEST((unit_vector(std::vector<double>{3, 0, -4}) == std::vector<float>{0.6F, 0, -0.8F}));
  const auto row = random_row(1000, 1);
  const auto unit = unit_vector(std::vector<double>(row.begin(), row.end()));
  BOOST_TEST(std::abs(length(unit) - 1) < 1e-6);
  for (size_t i = 0; i < row.size(); ++i) BOOST_TEST(std::abs(unit[i] * length(row) - row[i]) < 1e-5);
}

BOOST_AUTO_TEST_CASE(very_large_and_very_small_numbers_keep_their_direction) {
  BOOST_TEST((unit_vector(std::vector<double>{3e38, 4e38}) == std::vector<float>{0.6F, 0.8F}));
  BOOST_TEST((unit_vector(std::vector<double>{3e-44, 4e-44}) == std::vector<float>{0.6F, 0.8F}));
}

BOOST_AUTO_TEST_CASE(what_is_all_zero_stays_so) {
  BOOST_TEST((unit_vector(std::vector<double>(4)) == std::vector<float>(4)));
  BOOST_TEST(unit_vector({}).empty());
}

BOOST_AUTO_TEST_CASE(rows_are_added_in_double_precision) {
  std::vector<double> sum;
  const std::vector<float> large{1e8F, -1e8F}, small{1, 0.5F};
  add_row(sum, large);
  for (int i = 0; i < 3; ++i) add_row(sum, small);
  add_row(sum, {std::vector<float>{-1e8F, 1e8F}});
  BOOST_TEST((sum == std::vector<double>{3, 1.5}));
}

BOOST_AUTO_TEST_CASE(a_shortened_embedding_is_that_of_its_first_numbers) {
  const std::vector<float> whole{0.375F, -0.5F, 0.78F};
  BOOST_TEST((shortened(whole, 2) == std::vector<float>{0.6F, -0.8F}));
  BOOST_TEST((shortened(whole, 1) == std::vector<float>{1}));
  const auto row = random_row(64, 3);
  const auto unit = unit_vector(std::vector<double>(row.begin(), row.end()));
  BOOST_TEST(std::abs(length(shortened(unit, 10)) - 1) < 1e-6);
}

}  // namespace
}  // namespace troupe
