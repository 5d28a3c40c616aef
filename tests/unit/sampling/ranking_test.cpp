#include "shards/sampling/ranking.hpp"

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <limits>
#include <numeric>
#include <random>

namespace troupe {
namespace {

std::vector<token_id> sorted_plainly(const std::vector<float>& logits) {
  std::vector<token_id> ids;
  for (token_id id = 0; id < logits.size(); ++id) {
    if (logits[id] != -std::numeric_limits<float>::infinity()) ids.push_back(id);
  }
  std::stable_sort(ids.begin(), ids.end(), [&](token_id a, token_id b) { return logits[a] > logits[b]; });
  return ids;
}

BOOST_AUTO_TEST_CASE(equals_a_full_stable_sort_for_any_size_and_any_number_of_ties) {
  std::mt19937 random(7);
  for (size_t size : {1U, 2U, 63U, 64U, 65U, 511U, 512U, 513U, 5000U}) {
    for (int levels : {1, 3, 100, 1 << 20}) {
      std::vector<float> logits(size);
      for (float& logit : logits)
        logit = static_cast<float>(static_cast<int>(random() % static_cast<unsigned>(levels)) - levels / 2);
      auto expected = sorted_plainly(logits);
      ranking order(logits);
      BOOST_REQUIRE(order.size() == size);
      for (size_t rank = 0; rank < size; ++rank) BOOST_REQUIRE(order.id(rank) == expected[rank]);
    }
  }
}

BOOST_AUTO_TEST_CASE(may_be_looked_at_in_any_order) {
  std::vector<float> logits(3000);
  std::iota(logits.begin(), logits.end(), -1500.0F);
  ranking order(logits);
  BOOST_TEST(order.id(2000) == 999U);
  BOOST_TEST(order.id(0) == 2999U);
  BOOST_TEST(order.id(2999) == 0U);
  BOOST_TEST(order.id(100) == 2899U);
}

BOOST_AUTO_TEST_CASE(zeros_of_both_signs_are_equal_and_minus_infinity_is_left_out) {
  const float inf = std::numeric_limits<float>::infinity();
  std::vector<float> logits{-0.0F, 0.0F, -inf, -0.0F, 1e-45F, -1e-45F};
  ranking order(logits);
  BOOST_REQUIRE(order.size() == 5U);
  std::vector<token_id> ids;
  for (size_t rank = 0; rank < order.size(); ++rank) ids.push_back(order.id(rank));
  BOOST_TEST(ids == (std::vector<token_id>{4, 0, 1, 3, 5}), boost::test_tools::per_element());
}

}  // namespace
}  // namespace troupe
