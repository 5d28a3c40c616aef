#include "shards/model/gguf_model.hpp"

#include <algorithm>
#include <boost/json/serialize.hpp>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <filesystem>

#include "shards/model/generation_defaults.hpp"
#include "shards/model/gguf_families.hpp"
#include "shards/model/gguf_file.hpp"
#include "shards/model/model_config.hpp"
#include "shards/model/model_info.hpp"
#include "shards/model/model_version.hpp"
#include "shards/model/weight_files.hpp"
#include "tests/support/gguf_model.hpp"
#include "tests/support/mentions.hpp"
#include "tests/support/test_data.hpp"
#include "tests/unit/model/small_model.hpp"

namespace troupe {
namespace {

using test::bytes_of;
using test::gguf_writer;

using test::mentions;

const std::string tiny = test::source_folder() + "/models/troupe-tiny";

/// The metadata of a small model.
gguf_writer small(const std::string& name = "llama", uint32_t layers = 2) {
  gguf_writer out;
  out.text("general.architecture", name);
  out.u32(name + ".embedding_length", 16);
  out.u32(name + ".block_count", layers);
  out.u32(name + ".feed_forward_length", 24);
  out.u32(name + ".context_length", 64);
  out.u32(name + ".attention.head_count", 4);
  out.u32(name + ".vocab_size", 32);
  return out;
}

result<model_config> config_of(const gguf_writer& writer) {
  const std::string file = writer.file();
  TROUPE_ASSIGN(const auto contents, parse_gguf(std::as_bytes(std::span(file))));
  return gguf_model_config(contents);
}

std::string refusal(const gguf_writer& writer) {
  auto config = config_of(writer);
  BOOST_REQUIRE(!config.has_value());
  return config.err().detail;
}

BOOST_AUTO_TEST_CASE(the_bundled_model_is_the_same_from_a_gguf_file) {
  test::temporary_folder folder;
  const std::string path = folder / "tiny.gguf";
  test::write_gguf_model(tiny, {.type = dtype::f32}, path);

  model_config expected = *read_model_config(tiny);
  const auto config = read_model_config(path);
  BOOST_REQUIRE_MESSAGE(config.has_value(), (config ? "" : config.err().detail));
  expected.rms_eps = double{static_cast<float>(expected.rms_eps)};  // The file has it as f32.
  expected.stated_dtype.reset();
  BOOST_TEST((*config == expected));
  BOOST_TEST((read_generation_defaults(path, *config)->eos == std::vector<token_id>{0, 4}));

  const auto files = weight_files::open(path);
  BOOST_REQUIRE_MESSAGE(files.has_value(), (files ? "" : files.err().detail));
  const auto checked = check_weights(*config, *files);
  BOOST_REQUIRE_MESSAGE(checked.has_value(), (checked ? "" : checked.err().detail));
  // The file holds the same values, whatever the order of its rows.
  const auto original = *weight_files::open(tiny);
  for (const std::string_view name : original.names()) {
    std::vector<float> a(original.find(name)->elements()), b(a.size());
    read_f32(*original.find(name), 0, a);
    read_f32(*files->find(name), 0, b);
    BOOST_TEST(a == b, name);
  }
  BOOST_TEST(files->find("model.layers.0.self_attn.q_proj.weight")->paired_rows == 32U);
  BOOST_TEST(files->find("model.layers.0.self_attn.v_proj.weight")->paired_rows == 0U);
}

BOOST_AUTO_TEST_CASE(a_summary_says_what_the_file_holds) {
  test::temporary_folder folder;
  const std::string path = folder / "tiny.gguf";
  test::write_gguf_model(tiny, {.type = dtype::q4_k}, path);
  const auto summary = summarise_model(path);
  BOOST_REQUIRE_MESSAGE(summary.has_value(), (summary ? "" : summary.err().detail));
  BOOST_TEST(summary->tokenizer == "gpt2, gpt-2");
  BOOST_TEST(summary->has_chat_template);
  BOOST_TEST(summary->weight_file_count == 1U);
  // down_proj's rows of 384 are no whole blocks of 256.
  BOOST_TEST(summary->dtypes == (std::vector<std::string>{"Q4_K", "Q8_0", "F32"}), boost::test_tools::per_element());
  BOOST_TEST(mentions(to_text(*summary), "of Q4_K, Q8_0, F32 in 1 file\n"));
}

BOOST_AUTO_TEST_CASE(a_file_has_the_same_version_whatever_it_is_called) {
  test::temporary_folder folder;
  test::write_gguf_model(tiny, {.type = dtype::q8_0}, folder / "a.gguf");
  std::filesystem::create_directory(folder / "one");
  std::filesystem::copy_file(folder / "a.gguf", folder / "one/b.gguf");
  const auto version = [](const std::string& model) { return *model_version(model, *weight_files::open(model)); };
  BOOST_TEST(version(folder / "a.gguf").starts_with("sha256-"));
  BOOST_TEST(version(folder / "a.gguf") == version(folder / "one/b.gguf"));
  // A folder with one GGUF file, and no config.json, means that file.
  BOOST_TEST(version(folder / "a.gguf") == version(folder / "one"));
  BOOST_TEST(read_model_config(folder / "one").has_value());
  test::write_gguf_model(tiny, {.type = dtype::q4_0}, folder / "c.gguf");
  BOOST_TEST(version(folder / "a.gguf") != version(folder / "c.gguf"));
  BOOST_TEST(mentions(read_model_config(folder.path()).err().detail, "more than one GGUF file"));
  // A config.json makes it a folder of the other kind.
  std::filesystem::copy_file(tiny + "/config.json", folder / "one/config.json");
  BOOST_TEST(mentions(weight_files::open(folder / "one").err().detail, "model.safetensors"));
}

BOOST_AUTO_TEST_CASE(metadata_become_the_same_configuration) {
  gguf_writer out = small();
  out.u32("llama.attention.head_count_kv", 2);
  out.u32("llama.rope.dimension_count", 4);
  out.f32("llama.rope.freq_base", 500000);
  out.f32("llama.attention.layer_norm_rms_epsilon", 0.5F / 1024);
  out.u32("tokenizer.ggml.bos_token_id", 1);
  out.u32("tokenizer.ggml.eos_token_id", 2);
  out.u32("tokenizer.ggml.eot_token_id", 9);
  out.texts("tokenizer.ggml.tokens", std::vector<std::string>{"a", "<|im_end|>", "</s>", "<|end|>"});
  out.ints("tokenizer.ggml.token_type", std::vector<int32_t>{1, 1, 3, 3});
  const auto config = config_of(out);
  BOOST_REQUIRE_MESSAGE(config.has_value(), (config ? "" : config.err().detail));
  model_config expected = *parse_model_config(test::small_config());
  expected.rms_eps = 0.5 / 1024;
  expected.rope.theta = 500000;
  expected.tied_embeddings = true;  // There is no output.weight.
  expected.eos = {2, 3, 9};         // "<|im_end|>" is text here.
  BOOST_TEST((*config == expected));
}

BOOST_AUTO_TEST_CASE(linear_scaling_is_read_under_its_old_and_its_new_key) {
  gguf_writer old = small();
  old.f32("llama.rope.scale_linear", 4);
  gguf_writer now = small();
  now.text("llama.rope.scaling.type", "linear");
  now.f32("llama.rope.scaling.factor", 4);
  for (const gguf_writer& writer : {old, now}) {
    const auto config = config_of(writer);
    BOOST_REQUIRE_MESSAGE(config.has_value(), (config ? "" : config.err().detail));
    BOOST_TEST((config->rope.scaling == rope_scaling(linear_rope_scaling{4})));
  }
}

BOOST_AUTO_TEST_CASE(the_vocabulary_is_as_large_as_the_embedding) {
  gguf_writer out = small();
  out.tensor("token_embd.weight", std::vector<uint64_t>{40, 16}, 0, std::string(40 * 16 * 4, '\0'));
  out.tensor("output.weight", std::vector<uint64_t>{40, 16}, 0, std::string(40 * 16 * 4, '\0'));
  BOOST_TEST(config_of(out)->vocab_size == 40U);
  BOOST_TEST(!config_of(out)->tied_embeddings);
}

BOOST_AUTO_TEST_CASE(what_we_do_not_compute_is_refused_by_its_key) {
  const auto with = [](auto change) {
    gguf_writer out = small();
    change(out);
    return refusal(out);
  };
  gguf_writer other;
  other.text("general.architecture", "bert");
  BOOST_TEST(mentions(refusal(other), "general.architecture is \"bert\"; supported are llama, llama with experts, "));
  BOOST_TEST(mentions(refusal(gguf_writer()), "general.architecture is missing"));
  BOOST_TEST(mentions(with([](auto& out) { out.text("general.type", "adapter"); }), "general.type is \"adapter\""));
  BOOST_TEST(mentions(with([](auto& out) { out.u32("llama.expert_count", 8); }), "num_experts_per_tok is missing"));
  BOOST_TEST(
      mentions(with([](auto& out) { out.u32("llama.rope.dimension_count", 2); }), "partial_rotary_factor is 0.5"));
  BOOST_TEST(mentions(with([](auto& out) { out.u32("llama.attention.sliding_window", 8); }), "sliding_window is 8"));
  BOOST_TEST(mentions(with([](auto& out) {
                        out.u32("llama.attention.key_length", 4);
                        out.u32("llama.attention.value_length", 8);
                      }),
                      "llama.attention.value_length is 8"));
  BOOST_TEST(mentions(with([](auto& out) {
                        out.text("llama.rope.scaling.type", "yarn");
                        out.f32("llama.rope.scaling.factor", 4);
                      }),
                      "llama.rope.scaling.type is \"yarn\""));
  const std::string list = bytes_of(uint32_t{4}) + bytes_of(uint64_t{1}) + bytes_of(uint32_t{4});
  BOOST_TEST(mentions(with([&](auto& out) { out.raw("llama.attention.head_count_kv", 9, list); }),
                      "llama.attention.head_count_kv must be a whole number, but is an array of u32"));
  BOOST_TEST(
      mentions(with([](auto& out) { out.u32("tokenizer.ggml.eos_token_id", 32); }), "eos_token_id must be an id"));
}

BOOST_AUTO_TEST_CASE(a_missing_size_is_named_as_config_json_names_it) {
  gguf_writer out;
  out.text("general.architecture", "llama");
  BOOST_TEST(mentions(refusal(out), "its metadata, as config.json has them: hidden_size is missing"));
}

BOOST_AUTO_TEST_CASE(the_table_of_rotary_divisors_is_checked) {
  const auto with_table = [](std::vector<uint64_t> shape, uint32_t type, const std::string& bytes) {
    gguf_writer out = small();
    out.tensor("rope_freqs.weight", shape, type, bytes);
    return out;
  };
  const auto config = config_of(with_table({2}, 0, bytes_of(1.0F) + bytes_of(8.0F)));
  BOOST_REQUIRE(config.has_value());
  BOOST_TEST(config->rope.divisors == (std::vector<float>{1, 8}), boost::test_tools::per_element());
  BOOST_TEST(mentions(refusal(with_table({3}, 0, bytes_of(1.0F) + bytes_of(1.0F) + bytes_of(1.0F))),
                      "has shape [3], expected [2]"));
  BOOST_TEST(mentions(refusal(with_table({2}, 1, std::string(4, '\0'))), "rope_freqs.weight of F16"));
  for (const float bad : {0.0F, -1.0F, NAN, INFINITY, 1e9F})
    BOOST_TEST(mentions(refusal(with_table({2}, 0, bytes_of(1.0F) + bytes_of(bad))), "rope_freqs.weight holds"));
}

BOOST_AUTO_TEST_CASE(tensors_get_the_names_of_transformers) {
  const gguf_family& llama = *find_gguf_family("llama", false);
  const auto renamed = [&](std::string_view name) { return model_tensor_name(llama, name).value_or("none"); };
  BOOST_TEST(renamed("token_embd.weight") == "model.embed_tokens.weight");
  BOOST_TEST(renamed("output.weight") == "lm_head.weight");
  BOOST_TEST(renamed("blk.11.attn_output.bias") == "model.layers.11.self_attn.o_proj.bias");
  BOOST_TEST(renamed("blk.0.ffn_norm.weight") == "model.layers.0.post_attention_layernorm.weight");
  for (const char* other : {"blk.0.attn_q", "blk..attn_q.weight", "blk.x.attn_q.weight", "blk.0.token_embd.weight",
                            "attn_q.weight", "blk.0.other.weight", "blk.", "weight", ""})
    BOOST_TEST(renamed(other) == "none");
}

BOOST_AUTO_TEST_CASE(as_much_of_a_head_is_rotated_as_the_file_says) {
  for (const uint32_t head : {2U, 14U, 96U, 98U, 128U, 512U}) {
    for (uint32_t rotated = 2; rotated <= head; rotated += 2) {
      gguf_writer out = small("phi3");
      out.u32("phi3.attention.key_length", head);
      out.u32("phi3.rope.dimension_count", rotated);
      BOOST_REQUIRE_MESSAGE(config_of(out)->rope.dims == rotated, head << ", " << rotated);
    }
  }
}

BOOST_AUTO_TEST_CASE(long_contexts_have_two_tables_of_factors) {
  const auto add = [](gguf_writer& out, const char* name, std::initializer_list<float> values) {
    std::string bytes;
    for (float value : values) bytes += bytes_of(value);
    out.tensor(name, std::vector<uint64_t>{values.size()}, 0, bytes);
  };
  gguf_writer out = small("phi3");
  out.u32("phi3.rope.scaling.original_context_length", 32);
  add(out, "rope_factors_short.weight", {1, 1.5F});
  BOOST_TEST(mentions(refusal(out), "one is missing"));
  add(out, "rope_factors_long.weight", {2, 4});
  out.f32("phi3.rope.scaling.attn_factor", 1.25);
  const longrope_scaling expected{
      .short_factors = {1, 1.5}, .long_factors = {2, 4}, .original_context = 32, .factor = 2, .attention_factor = 1.25};
  BOOST_TEST((config_of(out)->rope.scaling == rope_scaling(expected)));
}

BOOST_AUTO_TEST_CASE(scores_of_gemma_are_divided_as_in_the_model_of_so_many_layers) {
  for (const auto& [name, wide_layers] : {std::pair{"gemma2", 46U}, std::pair{"gemma3", 62U}}) {
    for (const uint32_t layers : {26U, wide_layers}) {
      gguf_writer out = small(name, layers);
      out.u32(std::string(name) + ".attention.key_length", 8);
      out.u32(std::string(name) + ".attention.sliding_window", 16);
      const auto config = config_of(out);
      BOOST_REQUIRE_MESSAGE(config.has_value(), (config ? "" : config.err().detail));
      BOOST_TEST(config->score_scalar == (layers == wide_layers ? 4 : 8));
      BOOST_TEST(!config->norms_less_one);
      BOOST_TEST(config->output_norms);
    }
  }
  // Without a window every layer sees everything.
  const auto config = config_of(small("gemma3"));
  BOOST_TEST((std::ranges::find(config->sliding, true) == config->sliding.end()));
}

BOOST_AUTO_TEST_CASE(experts_are_slices_of_one_tensor) {
  const auto mixture = [](std::vector<uint64_t> shape) {
    gguf_writer out = small("qwen3moe", 1);
    out.u32("qwen3moe.expert_count", 3);
    out.u32("qwen3moe.expert_used_count", 2);
    out.u32("qwen3moe.expert_feed_forward_length", 4);
    uint64_t elements = 1;
    for (uint64_t size : shape) elements *= size;
    std::string bytes;
    for (uint64_t i = 0; i < elements; ++i) bytes += bytes_of(static_cast<float>(i));
    out.tensor("blk.0.ffn_gate_exps.weight", shape, 0, bytes);
    return out;
  };
  test::temporary_folder folder;
  folder.write("good.gguf", mixture({3, 4, 16}).file());
  const auto files = weight_files::open(folder / "good.gguf");
  BOOST_REQUIRE_MESSAGE(files.has_value(), (files ? "" : files.err().detail));
  BOOST_TEST(files->names().size() == 3U);
  const tensor_view* last = files->find("model.layers.0.mlp.experts.2.gate_proj.weight");
  BOOST_REQUIRE(last);
  BOOST_TEST(last->shape == (std::vector<uint64_t>{4, 16}), boost::test_tools::per_element());
  float first = 0;
  read_f32(*last, 0, std::span(&first, 1));
  BOOST_TEST(first == 2 * 64);
  for (const std::vector<uint64_t>& shape : {std::vector<uint64_t>{2, 4, 16}, {4, 4, 16}, {3, 64}, {192}}) {
    folder.write("bad.gguf", mixture(shape).file());
    BOOST_TEST(mentions(weight_files::open(folder / "bad.gguf").err().detail, "expected 3 matrices"));
  }
}

BOOST_AUTO_TEST_CASE(rows_that_are_no_heads_are_refused) {
  test::temporary_folder folder;
  gguf_writer bad = small();
  bad.tensor("blk.0.attn_q.weight", std::vector<uint64_t>{10, 16}, 0, std::string(640, '\0'));
  folder.write("bad.gguf", bad.file());
  BOOST_TEST(
      mentions(weight_files::open(folder / "bad.gguf").err().detail, "\"blk.0.attn_q.weight\" has shape [10, 16]"));
  gguf_writer bias = small();
  bias.tensor("blk.0.attn_k.bias", std::vector<uint64_t>{32}, 2, std::string(18, '\0'));
  folder.write("bias.gguf", bias.file());
  BOOST_TEST(mentions(weight_files::open(folder / "bias.gguf").err().detail, "is a bias of Q4_0"));
}

BOOST_AUTO_TEST_CASE(a_tensor_too_many_or_too_few_is_named) {
  test::temporary_folder folder;
  gguf_writer out = test::gguf_of_folder(tiny, {});
  out.tensor("blk.0.attn_q_norm.weight", std::vector<uint64_t>{32}, 0, std::string(128, '\0'));
  folder.write("more.gguf", out.file());
  BOOST_TEST(mentions(summarise_model(folder / "more.gguf").err().detail,
                      "tensor \"model.layers.0.self_attn.q_norm.weight\" is not part of a llama model"));
  folder.write("none.gguf", small().file());
  BOOST_TEST(mentions(summarise_model(folder / "none.gguf").err().detail, "model.embed_tokens.weight is missing"));
  gguf_writer twice = small();
  twice.tensor("output_norm.weight", std::vector<uint64_t>{1}, 0, "0000");
  twice.tensor("model.norm.weight", std::vector<uint64_t>{1}, 0, "0000");
  folder.write("twice.gguf", twice.file());
  BOOST_TEST(
      mentions(weight_files::open(folder / "twice.gguf").err().detail, "\"model.norm.weight\" is in the model twice"));
}

BOOST_AUTO_TEST_CASE(a_scale_that_is_no_number_keeps_a_model_from_being_described) {
  test::temporary_folder folder;
  test::write_gguf_model(tiny, {.type = dtype::q8_0}, folder / "bad.gguf");
  std::string bytes = folder.read("bad.gguf");
  const auto files = *weight_files::open(folder / "bad.gguf");
  const tensor_view& tensor = *files.find("model.layers.1.mlp.up_proj.weight");
  const auto at = static_cast<size_t>(tensor.data.data() - files.parts()[0].bytes.data()) + tensor.data.size() - 34;
  bytes.replace(at, 2, bytes_of(uint16_t{0x7E00}));
  folder.write("worse.gguf", bytes);
  BOOST_TEST(mentions(summarise_model(folder / "worse.gguf").err().detail,
                      "tensor \"model.layers.1.mlp.up_proj.weight\" of Q8_0 has a scale in row 383"));
}

BOOST_AUTO_TEST_CASE(special_tokens_and_templates_are_found_by_their_ids_and_names) {
  gguf_writer out;
  out.texts("tokenizer.ggml.tokens", std::vector<std::string>{"<unk>", "<s>", "</s>"});
  out.u32("tokenizer.ggml.bos_token_id", 1);
  out.u32("tokenizer.ggml.eos_token_id", 2);
  const auto config_in = [](const gguf_writer& writer) {
    const std::string file = writer.file();
    auto config = gguf_tokenizer_config(*parse_gguf(std::as_bytes(std::span(file))));
    return config ? boost::json::serialize(*config) : config.err().detail;
  };
  BOOST_TEST(config_in(out) == R"({"bos_token":"<s>","eos_token":"</s>"})");
  out.text("tokenizer.chat_template", "{{ x }}");
  BOOST_TEST(config_in(out) == R"({"bos_token":"<s>","eos_token":"</s>","chat_template":"{{ x }}"})");
  out.texts("tokenizer.chat_templates", std::vector<std::string>{"tool_use", "absent"});
  out.text("tokenizer.chat_template.tool_use", "{{ y }}");
  BOOST_TEST(mentions(config_in(out),
                      R"([{"name":"default","template":"{{ x }}"},{"name":"tool_use","template":"{{ y }}"}])"));
  gguf_writer beyond;
  beyond.u32("tokenizer.ggml.bos_token_id", 1);
  BOOST_TEST(mentions(config_in(beyond), "tokenizer.ggml.bos_token_id is 1, but the file has 0 tokens"));
  gguf_writer torn;
  torn.text("tokenizer.chat_template", "\xFF");
  BOOST_TEST(config_in(torn) == "tokenizer.chat_template is not UTF-8");
}

}  // namespace
}  // namespace troupe
