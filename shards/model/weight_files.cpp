#include "shards/model/weight_files.hpp"

#include <algorithm>
#include <boost/json/object.hpp>
#include <filesystem>
#include <functional>
#include <optional>
#include <set>

#include "base/check.hpp"
#include "base/json.hpp"
#include "shards/model/config_fields.hpp"
#include "shards/model/files.hpp"
#include "shards/model/gguf_file.hpp"
#include "shards/model/gguf_model.hpp"
#include "shards/model/gguf_rope.hpp"
#include "shards/model/model_config.hpp"
#include "shards/model/model_parts.hpp"
#include "shards/model/quantised_blocks.hpp"
#include "shards/model/safetensors.hpp"

namespace troupe {
namespace {

namespace json = boost::json;

constexpr std::string_view single_file = "model.safetensors";
constexpr std::string_view index_file = "model.safetensors.index.json";
constexpr size_t parts_max = 4096;

error damaged(std::string detail) { return {errc::corrupt, std::move(detail)}; }

/// Whether `name` stays in the folder: an index is input, and must not make us map other files.
bool is_plain_file_name(std::string_view name) {
  return !name.empty() && name != "." && name != ".." && name.find('/') == std::string_view::npos &&
         name.find('\0') == std::string_view::npos;
}

result<std::map<std::string, std::string>> read_index(const std::string& path) {
  TROUPE_ASSIGN(auto value, read_json_file(path));
  if (!value.is_object()) return damaged(path + ": not a JSON object");
  const auto* weight_map = value.get_object().if_contains("weight_map");
  if (!weight_map || !weight_map->is_object()) return damaged(path + ": there is no object \"weight_map\"");
  if (weight_map->get_object().empty()) return damaged(path + ": \"weight_map\" is empty");
  std::map<std::string, std::string> files;
  for (const auto& member : weight_map->get_object()) {
    if (!member.value().is_string())
      return damaged(path + ": weight_map[" + shown_text(member.key()) + "] is not a string");
    std::string_view file = member.value().get_string();
    if (!is_plain_file_name(file)) {
      return damaged(path + ": weight_map[" + shown_text(member.key()) + "] is " + shown_text(file) +
                     ", which is not a plain file name");
    }
    files.emplace(member.key(), file);
  }
  return files;
}

bool exists(const std::string& path) {
  std::error_code ignored;
  return std::filesystem::exists(path, ignored);
}

}  // namespace

weight_files::weight_files() = default;
weight_files::weight_files(weight_files&&) noexcept = default;
weight_files& weight_files::operator=(weight_files&&) noexcept = default;
weight_files::~weight_files() = default;

result<void> weight_files::add(const std::string& folder, const std::string& file_name) {
  const std::string path = folder + "/" + file_name;
  TROUPE_ASSIGN(auto file, mapped_file::open(path));
  auto tensors = parse_safetensors(file->bytes());
  if (!tensors) return with_context(tensors.err(), path);
  for (tensor_view& tensor : *tensors)
    if (auto read = read_quantised_name(tensor); !read) return with_context(read.err(), path);
  parts_.push_back({file_name, file->bytes(), safetensors_header_bytes(file->bytes()), std::move(*tensors)});
  files_.push_back(std::move(file));
  return index(path);
}

result<void> weight_files::add_gguf(const std::string& path) {
  TROUPE_ASSIGN(auto file, gguf_file::open(path));
  auto config = gguf_model_config(file.contents);
  if (!config) return with_context(std::move(config).err(), path);
  auto tensors = gguf_model_tensors(file.contents, *config);
  if (!tensors) return with_context(std::move(tensors).err(), path);
  parts_.push_back({"gguf", file.file->bytes(), file.contents.header_bytes, std::move(*tensors)});
  files_.push_back(std::move(file.file));
  return index(path);
}

/// The names of the part that has just been added.
result<void> weight_files::index(const std::string& path) {
  // The elements of the inner vector stay where they are when parts_ grows.
  for (const auto& tensor : parts_.back().tensors) {
    bytes_ += tensor.data.size();
    // Tables that belong to the configuration, to model_config::rope.
    if (is_gguf_rope_table(tensor.name)) continue;
    if (!by_name_.emplace(tensor.name, &tensor).second) {
      return damaged(path + ": tensor " + shown_text(tensor.name) + " is in the model twice");
    }
  }
  return {};
}

result<weight_files> weight_files::open(const std::string& folder) {
  weight_files files;
  TROUPE_ASSIGN(const auto gguf, gguf_path(folder));
  if (gguf) {
    TROUPE_TRY(files.add_gguf(*gguf));
    return files;
  }
  const std::string index_path = folder + "/" + std::string(index_file);
  if (exists(folder + "/" + std::string(single_file)) || !exists(index_path)) {
    TROUPE_TRY(files.add(folder, std::string(single_file)));
    return files;
  }
  TROUPE_ASSIGN(auto index, read_index(index_path));
  std::set<std::string> file_names;
  for (const auto& [tensor, file] : index) file_names.insert(file);
  if (file_names.size() > parts_max) {
    return damaged(index_path + ": " + std::to_string(file_names.size()) + " files are named, at most " +
                   std::to_string(parts_max) + " are accepted");
  }
  for (const auto& file : file_names) {
    if (auto added = files.add(folder, file); !added) return with_context(added.err(), index_path);
  }
  std::map<std::string_view, std::string_view> part_of;
  for (const auto& part : files.parts_) {
    for (const auto& tensor : part.tensors) part_of.emplace(tensor.name, part.file_name);
  }
  for (const auto& [tensor, file] : index) {
    auto found = part_of.find(tensor);
    if (found == part_of.end() || found->second != file) {
      return damaged(index_path + ": tensor " + shown_text(tensor) + " is not in " + shown_text(file));
    }
  }
  return files;
}

void weight_files::forget() const {
  for (const auto& file : files_) file->forget();
}

result<void> weight_files::read(std::span<const std::byte> wanted, std::byte* to) const {
  // Pointers into different files have no order but that of std::less.
  const std::less<const std::byte*> before;
  for (const auto& file : files_) {
    const std::span<const std::byte> all = file->bytes();
    if (!before(wanted.data(), all.data()) && before(wanted.data(), all.data() + all.size()))
      return file->read(wanted, to);
  }
  TROUPE_CHECK(false);
  return {};
}

const tensor_view* weight_files::find(std::string_view name) const {
  auto found = by_name_.find(name);
  return found == by_name_.end() ? nullptr : found->second;
}

result<const tensor_view*> weight_files::weight(std::string_view name, std::span<const uint64_t> shape) const {
  const auto* tensor = find(name);
  if (!tensor) return damaged(std::string(name) + " is missing");
  if (!std::ranges::equal(tensor->shape, shape)) {
    return damaged(std::string(name) + " has shape " + shape_text(tensor->shape) + ", expected " + shape_text(shape));
  }
  if (!is_weight(tensor->type)) {
    return damaged(std::string(name) + " is of " + std::string(troupe::name(tensor->type)) +
                   ", expected BF16, F16, F32 or a block type");
  }
  return tensor;
}

std::vector<std::string_view> weight_files::names() const {
  std::vector<std::string_view> out;
  out.reserve(by_name_.size());
  for (const auto& [name, tensor] : by_name_) out.push_back(name);
  return out;
}

std::vector<expected_tensor> expected_tensors(const model_config& config) {
  std::vector<expected_tensor> out;
  const auto expect = [&](const tensor_part& part) {
    // Parts of one tensor come one after the other.
    if (out.empty() || out.back().name != part.name) out.push_back({part.name, part.shape});
  };
  const auto expect_if = [&](const std::optional<tensor_part>& part) {
    if (part) expect(*part);
  };
  expect(embedding_part(config));
  for (uint32_t layer = 0; layer < config.layers; ++layer) {
    const layer_parts parts = parts_of_layer(config, layer);
    for (const tensor_part* part : {&parts.input_norm, &parts.query, &parts.key, &parts.value}) expect(*part);
    for (const auto* part : {&parts.query_bias, &parts.key_bias, &parts.value_bias}) expect_if(*part);
    expect_if(parts.query_norm);
    expect_if(parts.key_norm);
    expect(parts.output);
    expect_if(parts.output_bias);
    expect_if(parts.output_norm);
    expect(parts.mlp_norm);
    expect_if(parts.down_norm);
    expect_if(parts.router);
    for (const mlp_parts& mlp : parts.mlps)
      for (const tensor_part* part : {&mlp.gate, &mlp.up, &mlp.down}) expect(*part);
  }
  expect(final_norm_part(config));
  if (!config.tied_embeddings) expect(head_part(config));
  return out;
}

uint64_t parameter_count(const model_config& config) {
  uint64_t count = 0;
  for (const expected_tensor& tensor : expected_tensors(config)) {
    uint64_t elements = 1;
    for (const uint64_t size : tensor.shape) elements *= size;
    count += elements;
  }
  return count;
}

result<void> check_weights(const model_config& config, const weight_files& files) {
  std::set<std::string, std::less<>> known;
  for (auto& tensor : expected_tensors(config)) {
    if (auto found = files.weight(tensor.name, tensor.shape); !found) return std::move(found).err();
    known.insert(std::move(tensor.name));
  }
  for (std::string_view name : files.names()) {
    // Buffers that old checkpoints saved and everybody recomputes; a tied model's copy of its embedding.
    if (name.ends_with(".rotary_emb.inv_freq")) continue;
    if (config.tied_embeddings && name == "lm_head.weight") continue;
    if (!known.contains(name)) {
      return damaged("tensor " + shown_text(name) + " is not part of a " + std::string(troupe::name(config.kind)) +
                     " model as its configuration describes it");
    }
  }
  return {};
}

}  // namespace troupe
