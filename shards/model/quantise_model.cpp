#include "shards/model/quantise_model.hpp"

#include <array>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <cmath>
#include <filesystem>
#include <optional>
#include <span>
#include <vector>

#include "base/json.hpp"
#include "shards/model/files.hpp"
#include "shards/model/quantise.hpp"
#include "shards/model/quantised_blocks.hpp"
#include "shards/model/safetensors.hpp"
#include "shards/model/weight_files.hpp"

namespace troupe {
namespace {

namespace json = boost::json;
namespace fs = std::filesystem;

/// What a folder needs beside its weights.
constexpr std::array copied_files{"chat_template.jinja", "generation_config.json", "tokenizer.json", "tokenizer.model",
                                  "tokenizer_config.json"};

bool is_matrix(const tensor_view& tensor) {
  // The router of a mixture of experts is small and decides much.
  return tensor.shape.size() == 2 && !has_blocks(tensor.type) && tensor.name.ends_with(".weight") &&
         !tensor.name.ends_with(".mlp.gate.weight") && !tensor.name.ends_with(".block_sparse_moe.gate.weight");
}

bool is_head(const tensor_view& tensor) {
  return tensor.name == "lm_head.weight" || tensor.name.ends_with("embed_tokens.weight");
}

std::optional<dtype> block_type(const tensor_view& tensor, const quantise_options& options) {
  if (!is_matrix(tensor)) return std::nullopt;
  const uint64_t columns = tensor.shape[1];
  if (columns % 32 != 0) return std::nullopt;
  const bool wide = options.group == 128 && columns % 128 == 0;
  const uint32_t bits = is_head(tensor) ? options.head_bits : options.bits;
  if (bits == 8) return wide ? dtype::q8_128 : dtype::q8_0;
  return wide ? dtype::q4_128 : dtype::q4_0;
}

result<std::vector<std::byte>> quantised(const tensor_view& tensor, dtype type) {
  const uint64_t rows = tensor.shape[0], columns = tensor.shape[1];
  const size_t elements = block_elements(type);
  const bool int8 = type == dtype::q8_0 || type == dtype::q8_128;
  std::vector<std::byte> bytes(rows * columns / elements * block_bytes(type));
  std::vector<float> values(columns);
  std::byte* to = bytes.data();
  for (uint64_t row = 0; row < rows; ++row) {
    read_f32(tensor, row * columns, values);
    for (const float value : values) {
      if (!std::isfinite(value))
        return error{errc::corrupt,
                     tensor.name + " has a weight in row " + std::to_string(row) + " that is no finite number"};
    }
    for (uint64_t column = 0; column < columns; column += elements, to += block_bytes(type)) {
      const std::span<const float> block = std::span(values).subspan(column, elements);
      if (int8) {
        quantise_int8(block, to);
      } else {
        quantise_int4(block, {}, to);
      }
    }
  }
  return bytes;
}

result<void> check_options(const quantise_options& options) {
  const auto known = [](uint32_t bits) { return bits == 8 || bits == 4; };
  if (!known(options.bits) || !known(options.head_bits))
    return error{errc::invalid_argument, "weights are quantised to 8 or 4 bits"};
  if (options.group != 32 && options.group != 128)
    return error{errc::invalid_argument, "groups have 32 or 128 weights, not " + std::to_string(options.group)};
  return {};
}

result<void> write_text(const std::string& path, std::string_view text) {
  const std::array<std::span<const std::byte>, 1> pieces{std::as_bytes(std::span(text))};
  return write_file(path, pieces);
}

result<void> copy_beside(const std::string& from, const std::string& to) {
  for (const char* name : copied_files) {
    std::error_code failure;
    if (!fs::exists(from + "/" + name, failure)) continue;
    fs::copy_file(from + "/" + name, to + "/" + name, fs::copy_options::overwrite_existing, failure);
    if (failure) return error{errc::io_failed, to + "/" + name + ": cannot be written: " + failure.message()};
  }
  return {};
}

result<json::object> read_config(const std::string& folder) {
  TROUPE_ASSIGN(json::value config, read_json_file(folder + "/config.json"));
  if (!config.is_object()) return error{errc::corrupt, folder + "/config.json: not a JSON object"};
  if (config.get_object().contains("quantization_config"))
    return error{errc::not_supported, folder + " is quantised already; begin with the model that it was made from"};
  return std::move(config.get_object());
}

}  // namespace

result<quantise_report> quantise_model(const std::string& from, const std::string& to,
                                       const quantise_options& options) {
  TROUPE_TRY(check_options(options));
  std::error_code failure;
  if (fs::exists(to + "/config.json", failure)) return error{errc::conflict, to + "/config.json exists already"};
  TROUPE_ASSIGN(json::object config, read_config(from));
  TROUPE_ASSIGN(const weight_files files, weight_files::open(from));
  fs::create_directories(to, failure);
  if (failure) return error{errc::io_failed, to + ": cannot be made: " + failure.message()};

  quantise_report report;
  std::vector<std::vector<std::byte>> made;
  std::vector<tensor_view> tensors;
  const std::vector<std::string_view> names = files.names();
  for (const std::string_view name : names) {
    options.progress(tensors.size(), names.size());
    tensor_view tensor = *files.find(name);
    report.bytes_before += tensor.data.size();
    if (const auto type = block_type(tensor, options)) {
      TROUPE_ASSIGN(std::vector<std::byte> bytes, quantised(tensor, *type));
      const uint64_t row_bytes = bytes.size() / tensor.shape[0];
      made.push_back(std::move(bytes));
      tensor = {
          tensor.name + "#" + std::string(troupe::name(*type)), dtype::u8, {tensor.shape[0], row_bytes}, made.back()};
      ++report.quantised;
    } else {
      ++report.kept;
    }
    report.bytes_after += tensor.data.size();
    tensors.push_back(std::move(tensor));
  }
  options.progress(names.size(), names.size());
  TROUPE_TRY(write_safetensors(to + "/model.safetensors", tensors));
  TROUPE_TRY(copy_beside(from, to));
  config["quantization_config"] =
      json::object{{"quant_method", "troupe"}, {"version", quantised_version}, {"bits", options.bits}};
  // Last: a folder with a config.json is complete.
  TROUPE_TRY(write_text(to + "/config.json", json::serialize(config) + "\n"));
  return report;
}

}  // namespace troupe
