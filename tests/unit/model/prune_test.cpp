#include <boost/json/serialize.hpp>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstring>
#include <fstream>

#include "shards/model/prune_model.hpp"
#include "shards/model/quantise_model.hpp"
#include "shards/model/safetensors.hpp"
#include "shards/model/weight_files.hpp"
#include "tests/unit/model/small_model.hpp"

namespace troupe {
namespace {

std::string refusal_of(const std::string& from, const std::string& to, const prune_options& options) {
  const auto report = prune_model(from, to, options);
  return report ? std::string("done") : report.err().detail;
}

std::vector<float> values_of(const tensor_view& tensor) {
  std::vector<float> values(tensor.elements());
  read_f32(tensor, 0, values);
  return values;
}

bool is_pruned(std::string_view name) { return name.ends_with("_proj.weight"); }

/// The small model with its matrices of this type.
void write_model(const test::temporary_folder& folder, dtype type) {
  const auto config = parse_model_config(test::small_config()).value();
  auto tensors = test::small_tensors(config);
  std::vector<std::vector<std::byte>> halves;
  halves.reserve(tensors.views.size());
  for (tensor_view& tensor : tensors.views) {
    if (type == dtype::f32 || tensor.shape.size() != 2) continue;
    const std::vector<float> values = values_of(tensor);
    std::vector<std::byte>& bytes = halves.emplace_back(values.size() * 2);
    for (size_t i = 0; i < values.size(); ++i) {
      const uint16_t bits = type == dtype::bf16 ? f32_to_bf16(values[i]) : f32_to_f16(values[i]);
      std::memcpy(bytes.data() + 2 * i, &bits, 2);
    }
    tensor.type = type;
    tensor.data = bytes;
  }
  write_safetensors(folder / "model.safetensors", tensors.views).value();
  folder.write("config.json", boost::json::serialize(test::small_config()));
  folder.write("tokenizer.json", "{}");
  folder.write(held_out_file, "A text.");
}

BOOST_AUTO_TEST_CASE(the_smallest_weights_of_each_row_become_zero_and_the_rest_keep_their_bits) {
  for (const dtype type : {dtype::f32, dtype::bf16, dtype::f16}) {
    const test::temporary_folder folder;
    write_model(folder, type);
    const std::string out = folder / "out";
    const prune_report report = prune_model(folder.path(), out, {.sparsity = 0.4}).value();
    const weight_files before = std::move(weight_files::open(folder.path()).value());
    const weight_files after = std::move(weight_files::open(out).value());
    BOOST_TEST(check_weights(read_model_config(out).value(), after).has_value());
    BOOST_TEST(folder.read("out/tokenizer.json") == "{}");
    BOOST_TEST(folder.read("out/held_out.txt") == "A text.");
    BOOST_TEST(report.folder.bytes_after == report.folder.bytes_before);
    BOOST_TEST(report.folder.changed == 14U);
    uint64_t zeros = 0, weights = 0;
    for (const std::string_view name : before.names()) {
      const tensor_view& from = *before.find(name);
      const tensor_view& to = *after.find(name);
      BOOST_REQUIRE((from.type == to.type && from.shape == to.shape));
      if (!is_pruned(name)) {
        BOOST_TEST(std::memcmp(from.data.data(), to.data.data(), from.data.size()) == 0, name);
        continue;
      }
      const std::vector<float> old_values = values_of(from), new_values = values_of(to);
      const size_t columns = from.shape[1], size = size_of(from.type);
      weights += old_values.size();
      for (size_t row = 0; row < from.shape[0]; ++row) {
        float largest_gone = 0, smallest_kept = INFINITY;
        uint64_t gone = 0;
        for (size_t i = row * columns; i < (row + 1) * columns; ++i) {
          if (new_values[i] == 0) {
            ++gone;
            largest_gone = std::max(largest_gone, std::abs(old_values[i]));
          } else {
            smallest_kept = std::min(smallest_kept, std::abs(old_values[i]));
            BOOST_TEST(std::memcmp(from.data.data() + i * size, to.data.data() + i * size, size) == 0);
          }
        }
        // 16 columns: 6.4; 24 columns: 9.6.
        BOOST_TEST(gone == (columns == 16 ? 6U : 10U), name);
        BOOST_TEST(largest_gone <= smallest_kept);
        zeros += gone;
      }
    }
    BOOST_TEST(report.zeros == zeros);
    BOOST_TEST(report.weights == weights);
  }
}

/// A model whose rows have the weights 1, 2, ..., n, of changing sign.
void write_ramps(const test::temporary_folder& folder) {
  auto tensors = test::small_tensors(parse_model_config(test::small_config()).value());
  for (size_t t = 0; t < tensors.views.size(); ++t) {
    const tensor_view& tensor = tensors.views[t];
    if (!is_pruned(tensor.name)) continue;
    const size_t columns = tensor.shape[1];
    for (size_t i = 0; i < tensor.elements(); ++i) {
      const float value = static_cast<float>(i % columns + 1) * (i % 2 == 0 ? 1.0F : -1.0F);
      std::memcpy(tensors.bytes[t].data() + i * sizeof(float), &value, sizeof(float));
    }
  }
  write_safetensors(folder / "model.safetensors", tensors.views).value();
  folder.write("config.json", boost::json::serialize(test::small_config()));
}

/// Which columns of the first row are zero.
std::vector<size_t> zero_columns(const std::string& folder, const std::string& name) {
  const weight_files files = std::move(weight_files::open(folder).value());
  const tensor_view& tensor = *files.find(name);
  const std::vector<float> values = values_of(tensor);
  std::vector<size_t> columns;
  for (size_t i = 0; i < tensor.shape[1]; ++i)
    if (values[i] == 0) columns.push_back(i);
  return columns;
}

BOOST_AUTO_TEST_CASE(inputs_decide_together_with_weights) {
  const test::temporary_folder folder;
  write_ramps(folder);
  const std::string name = "model.layers.1.self_attn.k_proj.weight";
  input_squares inputs;
  {
    const weight_files files = std::move(weight_files::open(folder.path()).value());
    for (const std::string_view one : files.names())
      if (is_pruned(one)) inputs[std::string(one)] = std::vector<double>(files.find(one)->shape[1], 1.0);
  }
  // |w| is column + 1. Columns 14 and 15 are hardly ever used: 15 * 0.2 = 3 and 16 * 0.25 = 4. Column 0 is the loudest:
  // 1 * 100. Column 2 ties with column 14, and has the smaller |w|.
  inputs[name][14] = 0.04;
  inputs[name][15] = 0.0625;
  inputs[name][0] = 1e4;
  prune_model(folder.path(), folder / "by-size", {.sparsity = 0.25}).value();
  prune_model(folder.path(), folder / "by-use", {.sparsity = 0.25, .inputs = &inputs}).value();
  prune_model(folder.path(), folder / "two", {.sparsity = 0.125, .inputs = &inputs}).value();
  const std::vector<size_t> by_size{0, 1, 2, 3}, by_use{1, 2, 3, 14}, two{1, 2};
  BOOST_TEST(zero_columns(folder / "by-size", name) == by_size);
  // Columns 3 and 15 tie too: 4.
  BOOST_TEST(zero_columns(folder / "by-use", name) == by_use);
  BOOST_TEST(zero_columns(folder / "two", name) == two);
  const std::string other = "model.layers.0.self_attn.k_proj.weight";
  BOOST_TEST(zero_columns(folder / "by-use", other) == by_size);
}

BOOST_AUTO_TEST_CASE(made_folders_have_the_same_bytes_with_any_number_of_threads) {
  const test::temporary_folder folder;
  write_model(folder, dtype::f32);
  const auto prune = [&](uint32_t threads) {
    const std::string out = "pruned" + std::to_string(threads);
    prune_model(folder.path(), folder / out, {.threads = threads}).value();
    return folder.read(out + "/model.safetensors");
  };
  const std::string alone = prune(1);
  for (const uint32_t threads : {2U, 3U, 64U}) BOOST_TEST((prune(threads) == alone));
}

BOOST_AUTO_TEST_CASE(nothing_changes_at_a_sparsity_of_zero) {
  const test::temporary_folder folder;
  write_model(folder, dtype::bf16);
  prune_model(folder.path(), folder / "out", {.sparsity = 0}).value();
  const weight_files before = std::move(weight_files::open(folder.path()).value());
  const weight_files after = std::move(weight_files::open(folder / "out").value());
  for (const std::string_view name : before.names()) {
    const auto a = before.find(name)->data, b = after.find(name)->data;
    BOOST_TEST(std::ranges::equal(a, b), name);
  }
}

BOOST_AUTO_TEST_CASE(what_cannot_be_pruned_is_refused_by_name) {
  const test::temporary_folder folder;
  test::write_small_model(folder);
  const std::string from = folder.path(), to = folder / "out";
  for (const double sparsity : {1.0, -0.1, 2.0, static_cast<double>(NAN)})
    BOOST_TEST(refusal_of(from, to, {.sparsity = sparsity}).starts_with("sparsity must be at least 0 and less than 1"));
  BOOST_TEST(refusal_of(folder / "none", to, {}).find("none/config.json") != std::string::npos);
  BOOST_TEST(refusal_of(from + "/model.gguf", to, {}).find("model.gguf is a GGUF file") != std::string::npos);
  input_squares inputs;
  BOOST_TEST(refusal_of(from, to, {.inputs = &inputs}).ends_with("is missing"));
  BOOST_TEST(!std::ifstream(to + "/config.json").good());
  for (const char* matrix : {"mlp.down_proj", "mlp.gate_proj"})
    inputs["model.layers.0." + std::string(matrix) + ".weight"] = {1, 2};
  BOOST_TEST(refusal_of(from, to, {.inputs = &inputs}) ==
             "what was recorded of the inputs of model.layers.0.mlp.down_proj.weight has 2 columns, not 24");
  BOOST_TEST(refusal_of(from, to, {}) == "done");
  BOOST_TEST(refusal_of(from, to, {}).ends_with("out/config.json exists already"));
  quantise_model(from, folder / "int8", {.group = 32}).value();
  BOOST_TEST(refusal_of(folder / "int8", folder / "again", {}).find("quantised already") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_weight_that_is_no_number_is_named_whatever_the_threads) {
  const test::temporary_folder folder;
  auto tensors = test::small_tensors(parse_model_config(test::small_config()).value());
  for (size_t t = 0; t < tensors.views.size(); ++t) {
    if (tensors.views[t].name != "model.layers.1.mlp.up_proj.weight") continue;
    const float nan = NAN;
    for (const size_t row : {5U, 17U})
      std::memcpy(tensors.bytes[t].data() + row * 16 * sizeof(float), &nan, sizeof(nan));
  }
  write_safetensors(folder / "model.safetensors", tensors.views).value();
  folder.write("config.json", boost::json::serialize(test::small_config()));
  for (const uint32_t threads : {1U, 2U, 8U}) {
    BOOST_TEST(refusal_of(folder.path(), folder / "out", {.threads = threads}) ==
               "model.layers.1.mlp.up_proj.weight has a weight in row 5 that is no finite number");
  }
}

}  // namespace
}  // namespace troupe
