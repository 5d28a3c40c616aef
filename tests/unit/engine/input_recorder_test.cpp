// What is recorded of the inputs of a model's matrices, and models that were pruned by it.
#include "shards/engine/input_recorder.hpp"

#include <boost/test/unit_test.hpp>
#include <cmath>

#include "base/read_file.hpp"
#include "shards/engine/perplexity.hpp"
#include "shards/model/model_config.hpp"
#include "shards/model/model_parts.hpp"
#include "shards/model/weight_files.hpp"
#include "shards/tokenizer/tokenizer.hpp"
#include "tests/support/test_data.hpp"
#include "tests/unit/engine/golden_model.hpp"
#include "tests/unit/engine/random_model.hpp"
#include "tests/unit/engine/test_group.hpp"

namespace troupe {
namespace {

using test::temporary_folder;

input_squares recorded(const std::string& folder, const std::vector<token_id>& tokens, uint32_t threads = 1,
                       uint32_t window = 0) {
  auto squares = record_inputs(tokens, {.model_folder = folder, .threads = threads, .window = window});
  BOOST_REQUIRE_MESSAGE(squares.has_value(), (squares ? "" : squares.err().detail));
  return std::move(squares).value();
}

std::vector<double> row_of(const weight_files& files, const char* name, uint64_t row, size_t width) {
  std::vector<float> values(width);
  read_f32(*files.find(name), row * width, values);
  return {values.begin(), values.end()};
}

BOOST_AUTO_TEST_CASE(the_first_layer_sees_the_normed_embeddings) {
  const temporary_folder folder;
  test::write_random_model({.type = dtype::f32, .seed = 31}, folder.path());
  const std::vector<token_id> tokens = test::random_tokens(90, 509, 5);
  const input_squares squares = recorded(folder.path(), tokens, 1, 40);
  const model_config config = read_model_config(folder.path()).value();
  const weight_files files = std::move(weight_files::open(folder.path()).value());
  const std::vector<double> norm = row_of(files, "model.layers.0.input_layernorm.weight", 0, config.hidden);
  std::vector<double> expected(config.hidden);
  // The last token is a target alone.
  for (size_t t = 0; t + 1 < tokens.size(); ++t) {
    const std::vector<double> row = row_of(files, "model.embed_tokens.weight", tokens[t], config.hidden);
    double sum = 0;
    for (const double value : row) sum += value * value;
    const double scale = 1 / std::sqrt(sum / config.hidden + config.rms_eps);
    for (size_t i = 0; i < row.size(); ++i) expected[i] += std::pow(row[i] * scale * norm[i], 2);
  }
  for (const char* projection : {"q_proj", "k_proj", "v_proj"}) {
    const auto& sums = squares.at("model.layers.0.self_attn." + std::string(projection) + ".weight");
    BOOST_REQUIRE(sums.size() == expected.size());
    for (size_t i = 0; i < sums.size(); ++i) BOOST_TEST(sums[i] == expected[i], boost::test_tools::tolerance(1e-5));
  }
  BOOST_TEST((squares == recorded(folder.path(), tokens, 3, 40)));
}

BOOST_AUTO_TEST_CASE(every_matrix_of_every_family_is_recorded) {
  for (const test::golden_family& family : test::golden_families()) {
    const temporary_folder folder;
    test::write_golden_model(family, dtype::bf16, folder.path());
    const model_config config = read_model_config(folder.path()).value();
    const input_squares squares =
        recorded(folder.path(), test::random_tokens(60, config.vocab_size, 6), 1, std::min(32U, config.context_max));
    const auto report = prune_model(folder.path(), folder / "out", {.inputs = &squares});
    BOOST_REQUIRE_MESSAGE(report.has_value(), (family.name + ": " + (report ? "" : report.err().detail)));
    for (uint32_t layer = 0; layer < config.layers; ++layer) {
      const layer_parts parts = parts_of_layer(config, layer);
      double inputs_of_experts = 0;
      for (const mlp_parts& mlp : parts.mlps)
        for (const double square : squares.at(mlp.gate.name)) inputs_of_experts += square;
      BOOST_TEST(inputs_of_experts > 0, family.name);
      for (const double square : squares.at(parts.output.name)) BOOST_TEST(square > 0, family.name);
    }
    test::test_group group({.folder = folder / "out"});
    BOOST_TEST(test::greedy(group, {1, 2, 3}, 5).size() == 5U);
  }
}

BOOST_AUTO_TEST_CASE(the_bundled_model_predicts_worse_without_half_of_its_weights) {
  const std::string bundled = test::source_folder() + "/models/troupe-tiny";
  const auto tokens = std::move(tokenizer::load(bundled)).value();
  const std::string text = read_file(bundled + "/" + held_out_file, 1 << 20).value();
  const std::vector<token_id> ids = tokens->encode(text, false).value();
  const auto nats_of = [&](const std::string& folder) {
    const auto reader = std::move(text_reader::open({.model_folder = folder, .threads = 2})).value();
    return likelihood_of(ids, *reader).value().nats_per_token;
  };
  const temporary_folder folder;
  prune_model(bundled, folder / "same", {.sparsity = 0}).value();
  prune_model(bundled, folder / "half", {.sparsity = 0.5}).value();
  const double dense = nats_of(bundled), half = nats_of(folder / "half");
  BOOST_TEST_MESSAGE("nats a token: " << dense << ", of half the weights " << half);
  BOOST_TEST(nats_of(folder / "same") == dense);
  BOOST_TEST(dense < 5);
  BOOST_TEST(half > dense + 0.01);
  BOOST_TEST(half < std::log(2048));
}

}  // namespace
}  // namespace troupe
