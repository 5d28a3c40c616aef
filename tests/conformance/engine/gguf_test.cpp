// The engine with a GGUF file gives what it gives with a folder of the same weights: names, order of rows, sizes and
// rotary frequencies are right.
#include <boost/json.hpp>
#include <boost/test/unit_test.hpp>
#include <cmath>

#include "shards/engine/local_communicator.hpp"
#include "shards/model/model_config.hpp"
#include "shards/model/quantised_blocks.hpp"
#include "shards/model/weight_files.hpp"
#include "tests/support/gguf_model.hpp"
#include "tests/support/test_data.hpp"
#include "tests/unit/engine/golden_model.hpp"
#include "tests/unit/engine/random_model.hpp"
#include "tests/unit/engine/test_group.hpp"

namespace troupe {
namespace {

using namespace troupe::test;

const std::string tiny = source_folder() + "/models/troupe-tiny";
const std::vector<uint32_t> chunks{13, 7};

logits_rows logits_of(const std::string& model, uint32_t vocab_size, uint32_t tp = 1) {
  test_group group({.folder = model, .tp = tp});
  return run_in_chunks(group, random_tokens(60, vocab_size, 5), chunks);
}

void check_same(const logits_rows& a, const logits_rows& b) {
  BOOST_REQUIRE(a.size() == b.size());
  for (size_t i = 0; i < a.size(); ++i) BOOST_TEST(same_bits(a[i], b[i]), "after chunk " << i);
}

/// The largest difference, as part of the largest logit.
float relative_difference(const logits_rows& a, const logits_rows& b) {
  float most = 0, largest = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    for (size_t n = 0; n < a[i].size(); ++n) {
      most = std::max(most, std::abs(a[i][n] - b[i][n]));
      largest = std::max(largest, std::abs(b[i][n]));
    }
  }
  return most / largest;
}

BOOST_AUTO_TEST_CASE(weights_that_the_engine_multiplies_as_they_are_give_the_same_bits) {
  for (const dtype type : {dtype::f32, dtype::f16, dtype::bf16, dtype::q8_0, dtype::q4_0}) {
    BOOST_TEST_CONTEXT(name(type)) {
      const temporary_folder folder;
      const std::string path = folder / "tiny.gguf", same = folder / "same";
      write_gguf_model(tiny, {.type = type}, path);
      write_same_as_safetensors(path, tiny, same, dtype::u8);
      const logits_rows expected = logits_of(same, 2048);
      check_same(logits_of(path, 2048), expected);
      // A rank of four has columns that begin and end inside blocks.
      check_same(logits_of(path, 2048, 4), expected);
    }
  }
}

// The engine rounds what it multiplies block types with, and Q4_K and Q6_K themselves; a row, a group or a half out of
// its place would give another model.
BOOST_AUTO_TEST_CASE(block_types_give_nearly_the_logits_of_their_values) {
  for (const dtype type : {dtype::q8_0, dtype::q4_0, dtype::q4_k, dtype::q6_k}) {
    const temporary_folder folder;
    const std::string path = folder / "tiny.gguf", same = folder / "same";
    write_gguf_model(tiny, {.type = type}, path);
    write_same_as_safetensors(path, tiny, same, dtype::f32);
    const float difference = relative_difference(logits_of(path, 2048), logits_of(same, 2048));
    BOOST_TEST_MESSAGE(name(type) << ": " << difference);
    BOOST_TEST(difference < 0.05F, name(type) << " differs by " << difference);
  }
}

BOOST_AUTO_TEST_CASE(bf16_gives_the_logits_of_the_folder_it_was_made_from) {
  const temporary_folder folder;
  write_gguf_model(tiny, {.type = dtype::bf16}, folder / "tiny.gguf");
  check_same(logits_of(folder / "tiny.gguf", 2048), logits_of(tiny, 2048));
}

BOOST_AUTO_TEST_CASE(biases_and_heads_of_either_architecture_are_in_their_places) {
  for (const bool qwen : {false, true}) {
    const temporary_folder folder;
    const random_model_shape shape{
        .architecture = qwen ? "Qwen2ForCausalLM" : "LlamaForCausalLM", .attention_bias = true, .type = dtype::f32};
    write_random_model(shape, folder.path());
    write_gguf_model(folder.path(), {}, folder / "model.gguf");
    BOOST_TEST_CONTEXT(shape.architecture)
    check_same(logits_of(folder / "model.gguf", shape.vocab_size), logits_of(folder.path(), shape.vocab_size));
  }
}

// The table holds divisors rounded to f32, so the angles differ in their last bits.
BOOST_AUTO_TEST_CASE(the_table_of_rotary_divisors_does_what_llama3_scaling_does) {
  const temporary_folder folder;
  const random_model_shape shape{.llama3_rope = true, .type = dtype::f32};
  write_random_model(shape, folder.path());
  const logits_rows expected = logits_of(folder.path(), shape.vocab_size);
  const auto difference = [&](bool table) {
    const std::string path = folder / (table ? "with.gguf" : "without.gguf");
    write_gguf_model(folder.path(), {.rope_table = table}, path);
    const logits_rows rows = logits_of(path, shape.vocab_size);
    float most = 0;
    for (size_t i = 0; i < rows.size(); ++i)
      for (size_t n = 0; n < rows[i].size(); ++n) most = std::max(most, std::abs(rows[i][n] - expected[i][n]));
    return most;
  };
  BOOST_TEST(difference(true) < 1e-4F);
  BOOST_TEST(difference(false) > 1e-2F);
}

/// What files of this format cannot say, as they mean it.
void keep_to_gguf(boost::json::object& config) {
  if (config.contains("query_pre_attn_scalar")) config["query_pre_attn_scalar"] = config.at("head_dim");
  if (config.contains("use_sliding_window")) config["use_sliding_window"] = false;
  if (config.at("model_type") == "mistral") config["sliding_window"] = nullptr;
  const auto* scaling = config.if_contains("rope_scaling");
  if (scaling && scaling->is_object() && scaling->get_object().contains("type") && scaling->at("type") == "yarn")
    config["rope_scaling"] = nullptr;
}

/// llama3 and longrope: where the file has numbers as f32 that config.json has as f64, or that are made of it.
bool is_rounded(const model_config& config) {
  return std::holds_alternative<llama3_rope_scaling>(config.rope.scaling) ||
         std::holds_alternative<longrope_scaling>(config.rope.scaling);
}

// Their names, order of rows, added ones and tables, and the keys of their sizes.
BOOST_AUTO_TEST_CASE(every_family_is_the_same_from_a_gguf_file) {
  size_t compared = 0;
  for (golden_family family : golden_families()) {
    const auto* normalised = family.config.if_contains("norm_topk_prob");
    if (normalised && !normalised->as_bool()) continue;  // Files of mixtures mean true.
    keep_to_gguf(family.config);
    const temporary_folder folder;
    write_golden_model(family, dtype::f32, folder.path());
    const auto config = read_model_config(folder.path());
    BOOST_REQUIRE_MESSAGE(config.has_value(), (config ? "" : config.err().detail));
    write_gguf_model(folder.path(), {}, folder / "model.gguf");
    const logits_rows theirs = logits_of(folder.path(), config->vocab_size);
    const logits_rows ours = logits_of(folder / "model.gguf", config->vocab_size);
    BOOST_TEST_CONTEXT(family.name) {
      BOOST_TEST(relative_difference(ours, theirs) < 1e-5F);
      if (!is_rounded(*config)) check_same(ours, theirs);
    }
    ++compared;
  }
  BOOST_TEST(compared >= 10U);
}

BOOST_AUTO_TEST_CASE(a_rank_refuses_a_scale_that_is_no_number) {
  const temporary_folder folder;
  for (const char* name : {"model.embed_tokens.weight", "model.layers.3.mlp.down_proj.weight"}) {
    write_gguf_model(tiny, {.type = dtype::q8_0}, folder / "good.gguf");
    std::string bytes = folder.read("good.gguf");
    const auto files = *weight_files::open(folder / "good.gguf");
    const std::byte* at = files.find(name)->row(5).data() + q8_0_block::bytes;
    bytes.replace(static_cast<size_t>(at - files.parts()[0].bytes.data()), 2, bytes_of(uint16_t{0x7C00}));
    folder.write("bad.gguf", bytes);

    const shard_config config = config_of({.folder = folder / "bad.gguf"}, 0);
    local_communicator group(*shard_floats_max(config));
    const auto opened = shard::open(config, group);
    BOOST_REQUIRE(!opened.has_value());
    BOOST_TEST((opened.err().code == errc::corrupt));
    BOOST_TEST(opened.err().detail ==
               "tensor \"" + std::string(name) + "\" of Q8_0 has a scale in row 5 that is no finite number");
  }
}

}  // namespace
}  // namespace troupe
