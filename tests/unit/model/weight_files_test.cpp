#include "shards/model/weight_files.hpp"

#include <sys/stat.h>

#include <boost/json/serialize.hpp>
#include <boost/test/unit_test.hpp>
#include <filesystem>

#include "shards/model/model_config.hpp"
#include "shards/model/safetensors.hpp"
#include "tests/support/mentions.hpp"
#include "tests/support/temporary_folder.hpp"
#include "tests/support/test_data.hpp"
#include "tests/unit/model/small_model.hpp"

namespace troupe {
namespace {

namespace json = boost::json;

using test::mentions;

model_config config() { return *parse_model_config(test::small_config()); }

/// Opens and checks; the error's text.
std::string refusal(const test::temporary_folder& folder, const model_config& expected = config()) {
  auto files = weight_files::open(folder.path());
  if (!files) return files.err().detail;
  auto checked = check_weights(expected, *files);
  return checked ? "" : checked.err().detail;
}

/// Writes the small model after a change to its tensors.
template <class Change>
std::string refusal_after(Change change) {
  test::temporary_folder folder;
  auto tensors = test::small_tensors(config());
  change(tensors.views);
  write_safetensors(folder / "model.safetensors", tensors.views).value();
  return refusal(folder);
}

tensor_view& named(std::vector<tensor_view>& tensors, std::string_view name) {
  for (auto& tensor : tensors) {
    if (tensor.name == name) return tensor;
  }
  throw std::runtime_error("no such tensor");
}

BOOST_AUTO_TEST_CASE(opens_a_single_file_and_finds_every_tensor) {
  test::temporary_folder folder;
  test::write_small_model(folder);
  auto opened = weight_files::open(folder.path());
  BOOST_REQUIRE(opened.has_value());
  weight_files files = std::move(*opened);
  BOOST_TEST(check_weights(config(), files).has_value());
  BOOST_TEST(files.bytes() == parameter_count(config()) * 4);
  BOOST_TEST(files.names().size() == expected_tensors(config()).size());
  BOOST_TEST(std::ranges::is_sorted(files.names()));
  const auto* tensor = files.find("model.layers.1.mlp.up_proj.weight");
  BOOST_REQUIRE(tensor);
  BOOST_TEST(shape_text(tensor->shape) == "[24, 16]");
  BOOST_TEST(!files.find("model.layers.2.mlp.up_proj.weight"));
}

BOOST_AUTO_TEST_CASE(the_bundled_model_has_all_its_weights) {
  const std::string folder = test::source_folder() + "/models/troupe-tiny";
  auto tiny = read_model_config(folder);
  BOOST_REQUIRE(tiny.has_value());
  auto files = weight_files::open(folder);
  BOOST_REQUIRE(files.has_value());
  BOOST_TEST(check_weights(*tiny, *files).has_value());
  BOOST_TEST(parameter_count(*tiny) * 2 == files->bytes());
}

BOOST_AUTO_TEST_CASE(names_what_is_missing_or_has_another_shape) {
  BOOST_TEST(mentions(refusal_after([](auto& tensors) {
                        std::erase_if(tensors, [](auto& t) { return t.name == "model.norm.weight"; });
                      }),
                      "model.norm.weight is missing"));
  BOOST_TEST(mentions(refusal_after([](auto& tensors) {
                        auto& tensor = named(tensors, "model.layers.1.mlp.up_proj.weight");
                        tensor.shape = {24, 15};
                        tensor.data = tensor.data.first(24 * 15 * 4);
                      }),
                      "model.layers.1.mlp.up_proj.weight has shape [24, 15], expected [24, 16]"));
}

BOOST_AUTO_TEST_CASE(refuses_weights_of_a_type_we_do_not_compute_with) {
  BOOST_TEST(mentions(refusal_after([](auto& tensors) { named(tensors, "model.norm.weight").type = dtype::i32; }),
                      "model.norm.weight is of I32"));
}

BOOST_AUTO_TEST_CASE(refuses_tensors_that_would_be_left_out_silently) {
  for (const char* name : {"model.layers.0.self_attn.q_norm.weight", "model.layers.0.self_attn.q_proj.bias",
                           "model.layers.2.input_layernorm.weight"}) {
    BOOST_TEST(mentions(refusal_after([&](auto& tensors) { tensors.push_back({name, dtype::u8, {0}, {}}); }), name));
  }
  BOOST_TEST(refusal_after([](auto& tensors) {
               tensors.push_back({"model.layers.0.self_attn.rotary_emb.inv_freq", dtype::u8, {0}, {}});
             }) == "");
}

BOOST_AUTO_TEST_CASE(biases_and_tied_embeddings_change_what_is_expected) {
  auto count = [](const char* key, json::value value, const char* architecture) {
    auto changed = test::small_config();
    changed[key] = std::move(value);
    changed["architectures"] = json::array{architecture};
    return expected_tensors(*parse_model_config(changed)).size();
  };
  const size_t plain = expected_tensors(config()).size();
  BOOST_TEST(plain == 2U * 9 + 3);
  BOOST_TEST(count("tie_word_embeddings", true, "LlamaForCausalLM") == plain - 1);
  BOOST_TEST(count("attention_bias", true, "LlamaForCausalLM") == plain + 2 * 4);
  BOOST_TEST(count("attention_bias", false, "Qwen2ForCausalLM") == plain + 2 * 3);
}

/// Splits the small model into two files and an index.
void write_sharded(const test::temporary_folder& folder, json::object weight_map = {}) {
  auto tensors = test::small_tensors(config());
  auto all = std::span(tensors.views);
  write_safetensors(folder / "model-1.safetensors", all.first(7)).value();
  write_safetensors(folder / "model-2.safetensors", all.subspan(7)).value();
  for (size_t i = 0; i < all.size(); ++i) {
    if (!weight_map.contains(all[i].name))
      weight_map[all[i].name] = i < 7 ? "model-1.safetensors" : "model-2.safetensors";
  }
  folder.write("model.safetensors.index.json",
               json::serialize(json::object{{"metadata", {{"total_size", 1}}}, {"weight_map", weight_map}}));
}

BOOST_AUTO_TEST_CASE(opens_several_files_by_their_index) {
  test::temporary_folder folder;
  write_sharded(folder);
  BOOST_TEST(refusal(folder) == "");
  BOOST_TEST(weight_files::open(folder.path())->parts().size() == 2U);
}

BOOST_AUTO_TEST_CASE(refuses_an_index_that_leaves_the_folder_or_names_what_is_not_there) {
  struct bad {
    const char* tensor;
    json::value file;
    const char* says;
  };
  for (const auto& [tensor, file, says] :
       {bad{"model.norm.weight", "model-3.safetensors", "model-3.safetensors: cannot be opened"},
        bad{"model.norm.weight", "model-1.safetensors", "\"model.norm.weight\" is not in \"model-1.safetensors\""},
        bad{"extra", "model-1.safetensors", "\"extra\" is not in"},
        bad{"extra", "../model.safetensors", "not a plain file name"},
        bad{"extra", "/etc/passwd", "not a plain file name"}, bad{"extra", "..", "not a plain file name"},
        bad{"extra", "", "not a plain file name"}, bad{"extra", 7, "is not a string"}}) {
    test::temporary_folder folder;
    write_sharded(folder, {{tensor, file}});
    BOOST_TEST(mentions(refusal(folder), says));
  }
  for (const char* text : {"", "[]", "{}", R"({"weight_map":{}})", R"({"weight_map":[]})"}) {
    test::temporary_folder folder;
    folder.write("model.safetensors.index.json", text);
    BOOST_TEST(mentions(refusal(folder), "model.safetensors.index.json"));
  }
}

BOOST_AUTO_TEST_CASE(refuses_a_tensor_that_two_files_have) {
  test::temporary_folder folder;
  auto tensors = test::small_tensors(config());
  write_safetensors(folder / "a.safetensors", std::span(tensors.views).first(2)).value();
  write_safetensors(folder / "b.safetensors", std::span(tensors.views).subspan(1)).value();
  folder.write("model.safetensors.index.json",
               R"({"weight_map":{"model.norm.weight":"b.safetensors","model.embed_tokens.weight":"a.safetensors"}})");
  BOOST_TEST(mentions(refusal(folder), "is in the model twice"));
}

BOOST_AUTO_TEST_CASE(names_the_file_that_cannot_be_used) {
  test::temporary_folder folder;
  BOOST_TEST(mentions(refusal(folder), "model.safetensors: cannot be opened"));
  folder.write("model.safetensors", "");
  BOOST_TEST(mentions(refusal(folder), "model.safetensors: the file is empty"));
  folder.write("model.safetensors", "12345678901234567890");
  BOOST_TEST(mentions(refusal(folder), "model.safetensors: the header"));
  std::filesystem::remove(folder / "model.safetensors");
  std::filesystem::create_directory(folder / "model.safetensors");
  BOOST_TEST(mentions(refusal(folder), "not a regular file"));
  // Opening a pipe would wait for its writer.
  for (const char* name : {"model.safetensors", "model.safetensors.index.json", "config.json"}) {
    test::temporary_folder pipes;
    BOOST_REQUIRE(::mkfifo((pipes / name).c_str(), 0600) == 0);
    auto config = read_model_config(pipes.path());
    BOOST_REQUIRE(!config);
    const std::string error = std::string(name) == "config.json" ? config.err().detail : refusal(pipes);
    BOOST_TEST(mentions(error, (pipes / name) + ": not a regular file"));
  }
}

BOOST_AUTO_TEST_CASE(a_truncated_model_is_refused_with_its_name) {
  test::temporary_folder folder;
  test::write_small_model(folder);
  std::filesystem::resize_file(folder / "model.safetensors",
                               std::filesystem::file_size(folder / "model.safetensors") - 1);
  BOOST_TEST(mentions(refusal(folder), folder / "model.safetensors"));
}

BOOST_AUTO_TEST_CASE(a_truncated_part_of_a_model_is_named_with_its_index) {
  test::temporary_folder folder;
  write_sharded(folder);
  std::filesystem::resize_file(folder / "model-2.safetensors", 100);
  const auto error = refusal(folder);
  BOOST_TEST(mentions(error, (folder / "model.safetensors.index.json") + ": " + folder.path()));
  BOOST_TEST(mentions(error, (folder / "model-2.safetensors") + ": the header has "));
  BOOST_TEST(mentions(error, "it is truncated"));
}

}  // namespace
}  // namespace troupe
