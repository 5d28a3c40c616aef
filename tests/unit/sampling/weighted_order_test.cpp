#include "shards/sampling/weighted_order.hpp"

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <limits>
#include <random>

#include "shards/sampling/ranking.hpp"
#include "shards/sampling/weight.hpp"

namespace troupe::weighted_order_test {
namespace {

/// Every place in order, from a full sort.
std::vector<weighted_order::place> all_places(const std::vector<float>& logits, float max, float temperature) {
  ranking order(logits);
  std::vector<weighted_order::place> places;
  uint64_t sum = 0;
  for (size_t rank = 0; rank < order.size(); ++rank) {
    const token_id id = order.id(rank);
    sum += weight_of(logits[id], double{max}, double{temperature});
    places.push_back({id, sum});
  }
  return places;
}

/// Looks for the first and the last target of every place.
void check(const std::vector<float>& logits, float temperature) {
  const float max = *std::max_element(logits.begin(), logits.end());
  const weighted_order order(logits, max, temperature);
  const auto places = all_places(logits, max, temperature);
  BOOST_REQUIRE(order.total() == places.back().sum);
  const size_t step = 1 + places.size() / 100;
  for (size_t rank = 0; rank < places.size(); rank += step) {
    const uint64_t before = rank == 0 ? 0 : places[rank - 1].sum;
    if (before == places[rank].sum) continue;  // it weighs nothing
    for (const uint64_t target : {before, places[rank].sum - 1}) {
      const auto found = order.find(target);
      BOOST_REQUIRE(found.index == places[rank].index);
      BOOST_REQUIRE(found.sum == places[rank].sum);
    }
  }
}

BOOST_AUTO_TEST_CASE(finds_what_a_full_sort_finds_however_flat_the_logits_are) {
  std::mt19937 random(3);
  for (const size_t count : {1U, 2U, 63U, 64U, 65U, 1000U, 5000U}) {
    for (const float spread : {0.0F, 1e-6F, 0.05F, 3.0F, 50.0F, 1e30F}) {
      std::normal_distribution<float> normal(-2, 1);
      std::vector<float> logits(count);
      for (float& logit : logits) logit = spread * normal(random);
      for (const float temperature : {1.0F, 0.1F, 2.0F, 1e-20F, 1e30F}) check(logits, temperature);
    }
  }
}

BOOST_AUTO_TEST_CASE(equal_ones_are_in_the_order_of_ids) {
  std::vector<float> logits(3000);
  for (size_t i = 0; i < logits.size(); ++i) logits[i] = i % 3 == 0 ? 1.0F : i % 3 == 1 ? 0.0F : -0.0F;
  check(logits, 1);
  check(logits, 0.3F);
}

BOOST_AUTO_TEST_CASE(impossible_ones_are_never_found) {
  constexpr float infinity = std::numeric_limits<float>::infinity();
  std::mt19937 random(4);
  std::vector<float> logits(2000, -infinity);
  for (int i = 0; i < 50; ++i) logits[random() % logits.size()] = static_cast<float>(random() % 7);
  check(logits, 1);
  check({-infinity, -3.0e38F, 3.0e38F, -infinity}, 2);
}

}  // namespace
}  // namespace troupe::weighted_order_test
