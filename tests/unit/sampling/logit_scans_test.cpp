#include "shards/sampling/logit_scans.hpp"

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <limits>
#include <random>

#include "shards/sampling/portable_math.hpp"

namespace troupe::logit_scans_test {
namespace {

constexpr float infinity = std::numeric_limits<float>::infinity();

/// Logits of many sizes, of lengths that are no multiple of anything.
std::vector<std::vector<float>> rows() {
  std::vector<std::vector<float>> all{{0.0F}, {-infinity, -0.0F}, {-0.0F, 0.0F, -infinity}, {1e30F, -1e30F, 3}};
  std::mt19937 random(5);
  for (const size_t count : {7U, 63U, 64U, 65U, 200U, 1001U, 2048U}) {
    for (const float scale : {1e-30F, 0.01F, 3.0F, 100.0F, 1e10F}) {
      std::normal_distribution<float> normal(0, scale);
      std::vector<float> row(count);
      for (float& logit : row) logit = random() % 50 == 0 ? -infinity : normal(random);
      all.push_back(row);
    }
  }
  return all;
}

/// By the words of sampler.hpp.
uint64_t plain_weight(float logit, double max, double temperature) {
  return static_cast<uint64_t>(exp_of_negative((double{logit} - max) / temperature) * 0x1p43 + 0.5);
}

uint64_t plain_sum(const std::vector<float>& row, double max, double temperature, uint64_t least) {
  uint64_t sum = 0;
  for (const float logit : row) {
    const uint64_t weight = plain_weight(logit, max, temperature);
    sum += weight >= least ? weight : 0;
  }
  return sum;
}

BOOST_AUTO_TEST_CASE(every_instruction_set_gives_what_plain_loops_give) {
  const auto all = all_logit_scans();
  BOOST_TEST_MESSAGE("up to " << all.back()->name);
  for (const auto& row : rows()) {
    float largest = -infinity;
    size_t possible = 0;
    for (const float logit : row) {
      largest = std::max(largest, logit);
      possible += logit > -infinity ? 1 : 0;
    }
    for (const auto* scans : all) {
      bool sound = false;
      BOOST_TEST(scans->largest(row.data(), row.size(), sound) == largest);
      BOOST_TEST(sound);
      BOOST_TEST(scans->possible(row.data(), row.size()) == possible);
      for (const double temperature : {1.0, 0.7, 2.0, 1e-3, 1e-30, 1e-45}) {
        for (const uint64_t least : {uint64_t{0}, uint64_t{1} << 40}) {
          BOOST_TEST(scans->sum_of_weights(row.data(), row.size(), double{largest}, temperature, least) ==
                         plain_sum(row, double{largest}, temperature, least),
                     scans->name << ", " << row.size() << " logits, temperature " << temperature);
        }
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(weights_are_added_to_the_buckets_they_are_found_in) {
  for (const auto& row : rows()) {
    const float largest = *std::max_element(row.begin(), row.end());
    for (const float temperature : {1.0F, 1e-3F, 1e-30F, 1e30F}) {
      const logit_buckets buckets(largest, temperature);
      std::vector<uint64_t> expected(logit_buckets::count);
      for (const float logit : row)
        expected.at(buckets.of(logit)) += plain_weight(logit, double{largest}, double{temperature});
      for (const auto* scans : all_logit_scans()) {
        std::vector<uint64_t> sums(logit_buckets::count);
        scans->add_to_buckets(row.data(), row.size(), double{largest}, double{temperature}, buckets, sums.data());
        BOOST_TEST((sums == expected), scans->name << ", " << row.size() << " logits, temperature " << temperature);
        for (size_t i = 0; i < row.size(); i += 7) {
          const size_t block = i / logit_block * logit_block;
          BOOST_TEST(scans->next_in_bucket(row.data(), row.size(), block, buckets, buckets.of(row[i])) / logit_block ==
                     block / logit_block);
        }
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(a_smaller_logit_is_in_no_earlier_bucket) {
  for (const float temperature : {1.0F, 0.05F, 1e-45F, 3e38F}) {
    const logit_buckets buckets(10, temperature);
    uint32_t last = 0;
    for (float logit = 10; logit > -40; logit -= 0.001F) {
      const uint32_t bucket = buckets.of(logit);
      BOOST_REQUIRE((bucket >= last && bucket < logit_buckets::count));
      last = bucket;
    }
    BOOST_TEST(buckets.of(-infinity) == logit_buckets::count - 1);
  }
}

BOOST_AUTO_TEST_CASE(what_is_no_number_is_seen_wherever_it_is) {
  for (const auto* scans : all_logit_scans()) {
    for (const float strange : {infinity, std::nanf(""), -std::nanf("")}) {
      for (size_t at = 0; at < 70; ++at) {
        std::vector<float> row(70, 1.0F);
        row[at] = strange;
        bool sound = true;
        (void)scans->largest(row.data(), row.size(), sound);
        BOOST_TEST(!sound, scans->name << " at " << at);
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(blocks_are_found_where_there_is_something) {
  for (const auto* scans : all_logit_scans()) {
    for (size_t at = 0; at < 200; ++at) {
      std::vector<float> row(200, -1.0F);
      row[at] = 5;
      BOOST_TEST(scans->next_block(row.data(), row.size(), 0, 5) == at / logit_block * logit_block);
      BOOST_TEST(scans->next_block(row.data(), row.size(), 0, 6) >= row.size());
      const size_t after = (at / logit_block + 1) * logit_block;
      BOOST_TEST(scans->next_block(row.data(), row.size(), after, 5) >= row.size());
    }
  }
}

}  // namespace
}  // namespace troupe::logit_scans_test
