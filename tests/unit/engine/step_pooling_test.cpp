#include "actors/outside/compute/step_pooling.hpp"

#include <boost/test/unit_test.hpp>
#include <cmath>

#include "shards/pooling/pooling.hpp"
#include "tests/unit/engine/random_model.hpp"
#include "tests/unit/engine/test_group.hpp"

namespace troupe {
namespace {

using namespace troupe::test;

/// One sequence's part of a step.
sequence_step part_of(const std::vector<token_id>& tokens, size_t begin, size_t end, uint32_t wants_hidden,
                      uint32_t first_page) {
  return {.first_position = static_cast<uint32_t>(begin),
          .tokens = {tokens.begin() + static_cast<ptrdiff_t>(begin), tokens.begin() + static_cast<ptrdiff_t>(end)},
          .pages = pages_for(end, first_page),
          .wants_logits = 0,
          .wants_hidden = wants_hidden};
}

std::vector<std::vector<double>> run(test_group& group, const step_request& request) {
  BOOST_REQUIRE(check_pooling(request).has_value());
  const auto led = group.leader().lead(request.plan, std::chrono::minutes(1));
  BOOST_REQUIRE(led.has_value());
  return pool_step(request, group.leader());
}

std::vector<float> mean_in_chunks(test_group& group, const std::vector<token_id>& tokens, size_t chunk) {
  std::vector<double> sum;
  for (size_t begin = 0; begin < tokens.size(); begin += chunk) {
    const size_t end = std::min(begin + chunk, tokens.size());
    step_request request;
    request.plan.sequences = {part_of(tokens, begin, end, static_cast<uint32_t>(end - begin), 0)};
    request.pooling = {{0, std::move(sum)}};
    sum = run(group, request).at(0);
  }
  return unit_vector(sum);
}

double worst(const std::vector<float>& ours, std::vector<double> reference) {
  BOOST_REQUIRE(ours.size() == reference.size());
  double length = 0;
  for (double value : reference) length += value * value;
  double difference = 0;
  for (size_t i = 0; i < ours.size(); ++i)
    difference = std::max(difference, std::abs(ours[i] - reference[i] / std::sqrt(length)));
  return difference;
}

BOOST_AUTO_TEST_CASE(mean_and_last_are_what_a_plain_reference_in_f64_computes) {
  for (const auto& [name, shape] : random_shapes()) {
    const temporary_folder folder;
    write_random_model(shape, folder.path());
    const auto tokens = random_tokens(70, shape.vocab_size, shape.seed);
    const auto rows = reference_rows(folder.path(), tokens);
    std::vector<double> mean(shape.hidden);
    for (const auto& row : rows)
      for (size_t i = 0; i < row.size(); ++i) mean[i] += row[i] / static_cast<double>(rows.size());
    test_group group({.folder = folder.path()});
    const double tolerance = shape.type == dtype::bf16 ? 5e-3 : 1e-5;
    BOOST_TEST(worst(mean_in_chunks(group, tokens, 70), mean) < tolerance, name);
    step_request last;
    last.plan.sequences = {part_of(tokens, 0, tokens.size(), 1, 0)};
    last.pooling = {{0, {}}};
    BOOST_TEST(worst(unit_vector(run(group, last).at(0)), rows.back()) < tolerance, name);
  }
}

BOOST_AUTO_TEST_CASE(a_mean_has_the_same_bits_in_any_chunks_and_company) {
  const random_model_shape shape{.seed = 41};
  const temporary_folder folder;
  write_random_model(shape, folder.path());
  const auto tokens = random_tokens(80, shape.vocab_size, 4), others = random_tokens(50, shape.vocab_size, 5);
  test_group group({.folder = folder.path(), .tp = 2});
  const auto whole = mean_in_chunks(group, tokens, 80);
  for (const size_t chunk : {1, 3, 64}) BOOST_TEST(same_bits(mean_in_chunks(group, tokens, chunk), whole), chunk);
  const auto of_others = mean_in_chunks(group, others, 50);

  step_request both;
  auto silent = part_of(others, 0, 20, 0, 20);
  both.plan.sequences = {part_of(others, 0, 50, 50, 10), silent, part_of(tokens, 0, 80, 80, 30)};
  both.pooling = {{0, {}}, {2, {}}};
  const auto sums = run(group, both);
  BOOST_TEST(same_bits(unit_vector(sums.at(0)), of_others));
  BOOST_TEST(same_bits(unit_vector(sums.at(1)), whole));
}

BOOST_AUTO_TEST_CASE(tasks_must_be_those_of_the_sequences_that_want_rows) {
  step_request good;
  good.plan.sequences = {part_of({1, 2}, 0, 2, 0, 0), part_of({1, 2}, 0, 2, 2, 1), part_of({1, 2}, 0, 2, 1, 2)};
  good.pooling = {{1, {}}, {2, {}}};
  BOOST_TEST(check_pooling(good).has_value());
  const auto detail = [](const step_request& request) { return check_pooling(request).err().detail; };
  auto bad = good;
  bad.pooling.pop_back();
  BOOST_TEST(detail(bad) == "sequence 2 of the step wants rows that nothing becomes of");
  bad = good;
  bad.pooling = {{2, {}}, {1, {}}};
  BOOST_TEST(detail(bad) == "sequence 1 of the step wants rows that nothing becomes of");
  bad = good;
  bad.pooling.push_back({7, {}});
  BOOST_TEST(detail(bad) == "sequence 7 of the step has no rows to be pooled");
  bad = good;
  bad.plan.sequences[2].wants_hidden = 0;
  BOOST_TEST(detail(bad) == "sequence 2 of the step has no rows to be pooled");
}

}  // namespace
}  // namespace troupe
