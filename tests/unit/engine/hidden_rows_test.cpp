// The rows after the last norm that a plan asks for: right by the plain reference, and of the same bits however they
// were asked for.
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <fstream>

#include "shards/engine/shard.hpp"
#include "shards/model/weight_files.hpp"
#include "tests/unit/engine/random_model.hpp"
#include "tests/unit/engine/test_group.hpp"

namespace troupe {
namespace {

using namespace troupe::test;

/// Copies of the rows that the plan asks for.
logits_rows hidden_rows(test_group& group, const step_plan& plan) {
  (void)group.step(plan);
  logits_rows rows;
  uint32_t wanted = 0;
  for (const auto& sequence : plan.sequences) wanted += sequence.wants_hidden;
  for (uint32_t r = 0; r < wanted; ++r) {
    const auto row = group.leader().hidden(r);
    rows.emplace_back(row.begin(), row.end());
  }
  return rows;
}

/// Every row of one sequence, in chunks of so many tokens.
logits_rows rows_in_chunks(test_group& group, const std::vector<token_id>& tokens, size_t chunk,
                           uint32_t first_page = 0) {
  logits_rows all;
  for (size_t at = 0; at < tokens.size(); at += chunk) {
    const auto begin = tokens.begin() + static_cast<ptrdiff_t>(at);
    const auto count = static_cast<uint32_t>(std::min(chunk, tokens.size() - at));
    const step_plan plan{.number = at,
                         .sequences = {{.first_position = static_cast<uint32_t>(at),
                                        .tokens = {begin, begin + count},
                                        .pages = pages_for(at + count, first_page),
                                        .wants_logits = 0,
                                        .wants_hidden = count}}};
    for (auto& row : hidden_rows(group, plan)) all.push_back(std::move(row));
  }
  return all;
}

BOOST_AUTO_TEST_CASE(every_row_is_what_a_plain_reference_in_f64_computes) {
  for (const auto& [name, shape] : random_shapes()) {
    const temporary_folder folder;
    write_random_model(shape, folder.path());
    const std::vector<token_id> tokens = random_tokens(70, shape.vocab_size, shape.seed);
    test_group group({.folder = folder.path()});
    const logits_rows ours = rows_in_chunks(group, tokens, 70);
    const auto reference = reference_rows(folder.path(), tokens);
    BOOST_REQUIRE(ours.size() == reference.size());
    double worst = 0;
    for (size_t t = 0; t < ours.size(); ++t) {
      BOOST_REQUIRE(ours[t].size() == shape.hidden);
      for (size_t i = 0; i < ours[t].size(); ++i) worst = std::max(worst, std::abs(ours[t][i] - reference[t][i]));
    }
    BOOST_TEST_MESSAGE(name << ": worst difference " << worst);
    // As for logits (shard_test.cpp): activations are rounded to bf16 before products of such weights.
    BOOST_TEST(worst < (shape.type == dtype::bf16 ? 4e-2 : 5e-5), name);
  }
}

BOOST_AUTO_TEST_CASE(rows_have_the_same_bits_in_any_chunks_threads_and_ranks) {
  const random_model_shape shape{.seed = 31};
  const temporary_folder folder;
  write_random_model(shape, folder.path());
  const std::vector<token_id> tokens = random_tokens(90, shape.vocab_size, 5);
  test_group alone({.folder = folder.path(), .backend = cpu_backend_choice::scalar});
  const logits_rows expected = rows_in_chunks(alone, tokens, 90);
  const std::vector<group_options> arrangements{{.folder = folder.path()},
                                                {.folder = folder.path(), .threads = 3},
                                                {.folder = folder.path(), .tp = 2},
                                                {.folder = folder.path(), .tp = 4, .threads = 2}};
  for (const auto& options : arrangements) {
    test_group group(options);
    for (const size_t chunk : {90, 1, 7, 64}) {
      const logits_rows rows = rows_in_chunks(group, tokens, chunk);
      BOOST_REQUIRE(rows.size() == expected.size());
      for (size_t t = 0; t < rows.size(); ++t)
        BOOST_TEST(same_bits(rows[t], expected[t]), "tp " << options.tp << ", chunk " << chunk << ", row " << t);
    }
  }
}

BOOST_AUTO_TEST_CASE(rows_come_in_the_order_of_the_plan_beside_logits_and_silence) {
  const random_model_shape shape{.seed = 32};
  const temporary_folder folder;
  write_random_model(shape, folder.path());
  test_group group({.folder = folder.path(), .tp = 2});
  const auto first = random_tokens(20, shape.vocab_size, 1), second = random_tokens(33, shape.vocab_size, 2);
  const logits_rows of_first = rows_in_chunks(group, first, 20);
  const logits_rows of_second = rows_in_chunks(group, second, 33);
  const sequence_step one{
      .first_position = 0, .tokens = first, .pages = pages_for(20, 10), .wants_logits = 0, .wants_hidden = 3};
  const sequence_step asking{.first_position = 0, .tokens = {1, 2}, .pages = {20}, .wants_logits = 1};
  const sequence_step two{
      .first_position = 0, .tokens = second, .pages = pages_for(33, 30), .wants_logits = 1, .wants_hidden = 1};
  const step_plan plan{.number = 1, .sequences = {asking, one, asking, two}};
  auto apart = plan;
  apart.sequences[2].pages = {21};
  const logits_rows rows = hidden_rows(group, apart);
  BOOST_REQUIRE(rows.size() == 4u);
  for (size_t r = 0; r < 3; ++r) BOOST_TEST(same_bits(rows[r], of_first[17 + r]), "row " << r);
  BOOST_TEST(same_bits(rows[3], of_second.back()));
}

BOOST_AUTO_TEST_CASE(says_which_step_gave_rows_that_are_no_numbers) {
  const temporary_folder folder;
  const random_model_shape shape{.type = dtype::f32, .seed = 33};
  write_random_model(shape, folder.path());
  const auto files = weight_files::open(folder.path());
  const auto at = files->find("model.embed_tokens.weight")->data.data() - files->parts()[0].bytes.data();
  std::fstream file(folder.path() + "/model.safetensors", std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(at);
  const float nan = std::nanf("");
  file.write(reinterpret_cast<const char*>(&nan), sizeof(nan));
  file.close();
  test_group group({.folder = folder.path()});
  const sequence_step bad{.first_position = 0, .tokens = {5, 0}, .pages = {0}, .wants_logits = 0, .wants_hidden = 1};
  const auto wrong = group.leader().lead({.number = 12, .sequences = {bad}}, std::chrono::seconds(5));
  BOOST_REQUIRE(!wrong);
  BOOST_TEST(wrong.err().detail == "step 12: the rows of sequence 0 are no finite numbers");
}

}  // namespace
}  // namespace troupe
