#include "shards/model/remake_model.hpp"

#include <algorithm>
#include <array>
#include <boost/json/serialize.hpp>
#include <cmath>
#include <filesystem>
#include <span>
#include <thread>

#include "base/json.hpp"
#include "shards/model/files.hpp"
#include "shards/model/gguf_file.hpp"
#include "shards/model/safetensors.hpp"
#include "shards/model/weight_files.hpp"

namespace troupe {
namespace {

namespace json = boost::json;
namespace fs = std::filesystem;

/// What a folder has beside its weights.
constexpr std::array copied_files{"chat_template.jinja", "generation_config.json", "tokenizer.json",
                                  "tokenizer.model",     "tokenizer_config.json",  held_out_file};

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
  TROUPE_ASSIGN(const auto gguf, gguf_path(folder));
  if (gguf) return error{errc::not_supported, *gguf + " is a GGUF file; begin with the folder that it was made from"};
  TROUPE_ASSIGN(json::value config, read_json_file(folder + "/config.json"));
  if (!config.is_object()) return error{errc::corrupt, folder + "/config.json: not a JSON object"};
  if (config.get_object().contains("quantization_config"))
    return error{errc::not_supported, folder + " is quantised already; begin with the model that it was made from"};
  return std::move(config.get_object());
}

result<void> check_target(const std::string& to) {
  std::error_code failure;
  if (fs::exists(to + "/config.json", failure)) return error{errc::conflict, to + "/config.json exists already"};
  return {};
}

}  // namespace

result<void> check_remake(const std::string& from, const std::string& to) {
  TROUPE_TRY(check_target(to));
  TROUPE_TRY(read_config(from));
  return {};
}

result<remake_report> remake_model(const std::string& from, const std::string& to, const model_change& change) {
  TROUPE_TRY(check_target(to));
  TROUPE_ASSIGN(json::object config, read_config(from));
  TROUPE_ASSIGN(const weight_files files, weight_files::open(from));
  std::error_code failure;
  fs::create_directories(to, failure);
  if (failure) return error{errc::io_failed, to + ": cannot be made: " + failure.message()};

  remake_report report;
  std::vector<std::vector<std::byte>> made;
  std::vector<tensor_view> tensors;
  const std::vector<std::string_view> names = files.names();
  for (const std::string_view name : names) {
    change.progress(tensors.size(), names.size());
    tensor_view tensor = *files.find(name);
    report.bytes_before += tensor.data.size();
    TROUPE_ASSIGN(std::optional<remade_tensor> remade, change.remake(tensor));
    ++(remade ? report.changed : report.kept);
    if (remade) {
      made.push_back(std::move(remade->bytes));
      tensor = {std::move(remade->name), remade->type, std::move(remade->shape), made.back()};
    }
    report.bytes_after += tensor.data.size();
    tensors.push_back(std::move(tensor));
  }
  change.progress(names.size(), names.size());
  TROUPE_TRY(write_safetensors(to + "/model.safetensors", tensors));
  TROUPE_TRY(copy_beside(from, to));
  for (const auto& member : change.described) config[member.key()] = member.value();
  // Last: a folder with a config.json is complete.
  TROUPE_TRY(write_text(to + "/config.json", json::serialize(config) + "\n"));
  return report;
}

result<void> for_row_ranges(uint64_t rows, uint32_t threads,
                            const std::function<result<void>(uint64_t begin, uint64_t end)>& work) {
  const uint64_t ranges = std::clamp<uint64_t>(rows, 1, std::max(threads, 1U));
  std::vector<result<void>> done(ranges);
  {
    const auto run = [&](uint64_t range) { done[range] = work(rows * range / ranges, rows * (range + 1) / ranges); };
    std::vector<std::jthread> others;
    others.reserve(ranges - 1);
    for (uint64_t range = 1; range < ranges; ++range) others.emplace_back(run, range);
    run(0);
  }
  for (result<void>& one : done) TROUPE_TRY(std::move(one));
  return {};
}

result<void> read_finite_row(const tensor_view& tensor, uint64_t row, std::span<float> values) {
  read_f32(tensor, row * values.size(), values);
  if (std::ranges::all_of(values, [](float value) { return std::isfinite(value); })) return {};
  return error{errc::corrupt,
               tensor.name + " has a weight in row " + std::to_string(row) + " that is no finite number"};
}

}  // namespace troupe
