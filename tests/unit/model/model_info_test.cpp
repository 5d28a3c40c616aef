#include "shards/model/model_info.hpp"

#include <boost/json/array.hpp>
#include <boost/test/unit_test.hpp>
#include <cstring>
#include <filesystem>

#include "shards/model/model_version.hpp"
#include "shards/model/safetensors.hpp"
#include "shards/model/weight_files.hpp"
#include "tests/support/mentions.hpp"
#include "tests/support/temporary_folder.hpp"
#include "tests/support/test_data.hpp"
#include "tests/unit/model/small_model.hpp"

namespace troupe {
namespace {

using test::mentions;

std::string version_of(const test::temporary_folder& folder) {
  return *model_version(folder.path(), *weight_files::open(folder.path()));
}

BOOST_AUTO_TEST_CASE(equal_folders_have_equal_versions_wherever_they_are) {
  test::temporary_folder a, b;
  test::write_small_model(a);
  test::write_small_model(b);
  BOOST_TEST(version_of(a) == version_of(b));
  BOOST_TEST(version_of(a).starts_with("sha256-"));
  BOOST_TEST(version_of(a).size() == 7U + 32U);
  b.write("README.md", "which decides nothing");
  BOOST_TEST(version_of(a) == version_of(b));
}

BOOST_AUTO_TEST_CASE(every_byte_that_decides_an_answer_changes_the_version) {
  test::temporary_folder folder;
  test::write_small_model(folder);
  std::string before = version_of(folder);
  auto changed = [&] {
    std::string now = version_of(folder);
    return std::exchange(before, now) != now;
  };
  for (const char* file : {"tokenizer.json", "tokenizer.model", "tokenizer_config.json", "generation_config.json",
                           "chat_template.jinja"}) {
    folder.write(file, "x");
    BOOST_TEST(changed());
    folder.write(file, "y");
    BOOST_TEST(changed());
  }
  folder.write("config.json", folder.read("config.json") + " ");
  BOOST_TEST(changed());
  std::string weights = folder.read("model.safetensors");
  weights[weights.size() / 2] = static_cast<char>(weights[weights.size() / 2] ^ 1);
  folder.write("model.safetensors", weights);
  BOOST_TEST(changed());
}

BOOST_AUTO_TEST_CASE(a_large_model_is_sampled_at_the_ends_of_its_tensors) {
  // A sparse file of more than the bound: 65 MiB of zeros in two tensors.
  test::temporary_folder folder;
  const uint64_t half = 65 << 19;
  std::string header = R"({"a":{"dtype":"U8","shape":[)" + std::to_string(half) + R"(],"data_offsets":[0,)" +
                       std::to_string(half) + R"(]},"b":{"dtype":"U8","shape":[)" + std::to_string(half) +
                       R"(],"data_offsets":[)" + std::to_string(half) + "," + std::to_string(2 * half) + "]}}";
  folder.write("model.safetensors", test::safetensors_bytes(header, ""));
  const uint64_t data = 8 + header.size();
  std::filesystem::resize_file(folder / "model.safetensors", data + 2 * half);
  auto write_at = [&](uint64_t at, char byte) {
    std::fstream file(folder / "model.safetensors", std::ios::binary | std::ios::in | std::ios::out);
    file.seekp(static_cast<std::streamoff>(at));
    file.put(byte);
  };
  const std::string before = version_of(folder);
  BOOST_TEST(before.starts_with("sampled-"));
  for (uint64_t at : {data, data + half - 1, data + half, data + half + 4095, data + 2 * half - 1}) {
    write_at(at, 1);
    BOOST_TEST(version_of(folder) != before);
    write_at(at, 0);
    BOOST_TEST(version_of(folder) == before);
  }
}

BOOST_AUTO_TEST_CASE(a_summary_says_what_the_folder_holds) {
  test::temporary_folder folder;
  test::write_small_model(folder);
  folder.write("tokenizer.json", R"({"model":{"type":"BPE"}})");
  auto summary = summarise_model(folder.path());
  BOOST_REQUIRE(summary.has_value());
  BOOST_TEST(summary->parameters == parameter_count(summary->config));
  BOOST_TEST(summary->weight_bytes == 4 * summary->parameters);
  BOOST_TEST(summary->tokenizer == "BPE");
  BOOST_TEST(!summary->has_chat_template);
  // Two layers, keys and values, two heads of four, four bytes each.
  BOOST_TEST(summary->kv_bytes_per_token == 2U * 2 * 2 * 4 * 4);
  BOOST_TEST(summary->tp_degrees == (std::vector<uint32_t>{1, 2, 4}), boost::test_tools::per_element());
  auto text = to_text(*summary);
  BOOST_TEST(mentions(text, "architecture:  llama\n"));
  BOOST_TEST(mentions(text, "F32 in 1 file\n"));
  BOOST_TEST(mentions(text, "ranks (tp):    1, 2, 4\n"));
  BOOST_TEST(mentions(text, "chat template: no\n"));
}

BOOST_AUTO_TEST_CASE(a_summary_says_what_only_some_models_have) {
  auto file = test::small_config();
  file["architectures"] = boost::json::array{"MistralForCausalLM"};
  file["sliding_window"] = 8;
  model_summary summary;
  summary.config = *parse_model_config(file);
  BOOST_TEST(mentions(to_text(summary), "window:        8 tokens in 2 of 2 layers\n"));
  file["architectures"] = boost::json::array{"Qwen3MoeForCausalLM"};
  for (const auto& [key, value] :
       {std::pair("num_experts", 6), {"num_experts_per_tok", 3}, {"moe_intermediate_size", 8}})
    file[key] = value;
  file["mlp_only_layers"] = boost::json::array{0};
  summary.config = *parse_model_config(file);
  BOOST_TEST(mentions(to_text(summary), "experts:       6 of 8, 3 for a token, in 1 of 2 layers\n"));
  BOOST_TEST(!mentions(to_text(summary), "window:"));
  file["architectures"] = boost::json::array{"Gemma3ForCausalLM"};
  summary.config = *parse_model_config(file);
  BOOST_TEST(mentions(to_text(summary), "rope:          theta 1e+06; with a window theta 10000\n"));
}

BOOST_AUTO_TEST_CASE(chat_templates_and_tokenizers_are_found_or_missed_wherever_they_may_be) {
  test::temporary_folder folder;
  test::write_small_model(folder);
  BOOST_TEST(summarise_model(folder.path())->tokenizer == "none");
  folder.write("tokenizer.model", "x");
  BOOST_TEST(summarise_model(folder.path())->tokenizer == "SentencePiece");
  folder.write("tokenizer_config.json", R"({"chat_template":"{{ messages }}"})");
  BOOST_TEST(summarise_model(folder.path())->has_chat_template);
  folder.write("tokenizer_config.json", R"({"chat_template":null})");
  BOOST_TEST(!summarise_model(folder.path())->has_chat_template);
  folder.write("chat_template.jinja", "{{ messages }}");
  BOOST_TEST(summarise_model(folder.path())->has_chat_template);
  for (const char* text : {"{", "[]", "{}", R"({"model":{}})"}) {
    folder.write("tokenizer.json", text);
    auto summary = summarise_model(folder.path());
    BOOST_REQUIRE(!summary.has_value());
    BOOST_TEST(mentions(summary.err().detail, folder / "tokenizer.json"));
  }
}

BOOST_AUTO_TEST_CASE(a_folder_that_could_not_be_served_has_no_summary) {
  test::temporary_folder folder;
  BOOST_TEST(!summarise_model(folder.path()).has_value());
  test::write_small_model(folder);
  write_safetensors(folder / "model.safetensors", {}).value();
  auto summary = summarise_model(folder.path());
  BOOST_REQUIRE(!summary.has_value());
  BOOST_TEST(mentions(summary.err().detail, folder.path() + ": model.embed_tokens.weight is missing"));
}

BOOST_AUTO_TEST_CASE(the_bundled_model_has_a_summary) {
  auto summary = summarise_model(test::source_folder() + "/models/troupe-tiny");
  BOOST_REQUIRE(summary.has_value());
  BOOST_TEST(summary->tokenizer == "BPE");
  BOOST_TEST(summary->has_chat_template);
  BOOST_TEST(summary->dtypes == std::vector<std::string>{"BF16"}, boost::test_tools::per_element());
}

}  // namespace
}  // namespace troupe
