// Every family of models against the logits that the reference implementation, transformers, computes in f32 with the
// same weights: tests/golden/families.
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <iomanip>
#include <iostream>

#include "tests/support/temporary_folder.hpp"
#include "tests/unit/engine/golden_model.hpp"
#include "tests/unit/engine/test_group.hpp"

namespace troupe {
namespace {

using namespace troupe::test;

/// Both sides compute in f32, in orders of their own: a logit is the end of some thousand roundings of 6e-8 each, and
/// transformers rounds the angles of rotations (150 positions times a radian) to f32 too, which we do not. Our bits are
/// the same everywhere and so is the largest difference, a third of this. A mistake, say a window one position too
/// wide, makes ten thousand times more: the weights are drawn so that logits depend on everything.
constexpr double relative_bound = 2e-5;
/// Before a product with bf16 weights the activations are rounded to bf16, to 8 bits.
constexpr double relative_bound_of_bf16 = 0.1;

struct largest_difference {
  double absolute = 0, relative = 0;
};

/// The standard deviation of a row, which says how large its logits are whatever they have in common.
double spread_of(const std::vector<float>& row) {
  double sum = 0, squares = 0;
  for (const float value : row) {
    sum += value;
    squares += double{value} * value;
  }
  const auto count = static_cast<double>(row.size());
  return std::sqrt(squares / count - sum / count * (sum / count));
}

void compare(const std::vector<float>& ours, const std::vector<float>& reference, largest_difference& largest) {
  BOOST_REQUIRE(ours.size() == reference.size());
  for (size_t i = 0; i < ours.size(); ++i) {
    const double difference = std::abs(double{ours[i]} - reference[i]);
    largest.absolute = std::max(largest.absolute, difference);
    largest.relative = std::max(largest.relative, difference / spread_of(reference));
  }
}

/// Runs a sequence so that logits come after each position that the reference gives.
void compare(test_group& group, const golden_case& example, largest_difference& largest) {
  std::vector<uint32_t> chunks;
  uint32_t begin = 0;
  for (const auto& [position, row] : example.logits) {
    chunks.push_back(position + 1 - begin);
    begin = position + 1;
  }
  const std::vector<token_id> tokens(example.tokens.begin(), example.tokens.begin() + begin);
  const logits_rows rows = run_in_chunks(group, tokens, chunks);
  BOOST_REQUIRE(rows.size() == example.logits.size());
  size_t i = 0;
  for (const auto& [position, row] : example.logits) compare(rows[i++], row, largest);
}

largest_difference difference_of(const golden_family& family, dtype type) {
  const temporary_folder folder;
  write_golden_model(family, type, folder.path());
  test_group group({.folder = folder.path(), .kv_pages = (family.context + 15) / 16});
  largest_difference largest;
  for (const golden_case& example : family.cases) compare(group, example, largest);
  return largest;
}

BOOST_AUTO_TEST_CASE(every_family_computes_the_logits_of_transformers) {
  for (const golden_family& family : golden_families()) {
    // Weights are the same numbers in all types, and are multiplied by other kernels.
    const largest_difference f32 = difference_of(family, dtype::f32);
    const largest_difference f16 = difference_of(family, dtype::f16);
    const largest_difference bf16 = difference_of(family, dtype::bf16);
    std::cout << "figures: " << family.name << ": largest difference from transformers " << std::setprecision(2)
              << f32.absolute << ", " << f32.relative << " of their spread; with bf16 weights " << bf16.relative
              << std::endl;
    BOOST_TEST(f32.relative > 0, family.name);
    BOOST_TEST(f32.relative < relative_bound, family.name);
    BOOST_TEST(f16.relative < relative_bound, family.name);
    BOOST_TEST(bf16.relative < relative_bound_of_bf16, family.name);
  }
}

}  // namespace
}  // namespace troupe
