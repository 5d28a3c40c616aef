#include "shards/model/model_pooling.hpp"

#include <array>
#include <filesystem>

#include "base/check.hpp"
#include "base/json.hpp"
#include "shards/model/config_fields.hpp"
#include "shards/model/gguf_file.hpp"

namespace troupe {
namespace {

namespace json = boost::json;

constexpr json_limits limits{.bytes_max = 1 << 20, .depth_max = 16};
constexpr std::string_view advice = "; say pooling: mean or pooling: last in the deployment to do without";

error unsupported(std::string what) { return {errc::not_supported, std::move(what) + std::string(advice)}; }

bool is_there(const std::string& path) {
  std::error_code ignored;
  return std::filesystem::exists(path, ignored);
}

/// "sentence_transformers.models.Pooling" -> "Pooling": where a module lies has changed, what it is called has not.
std::string_view class_name(std::string_view type) { return type.substr(type.rfind('.') + 1); }

/// A name in the model's own folder.
bool is_plain(std::string_view path) {
  return !path.empty() && path != "." && path != ".." && path.find('/') == path.npos && path.find('\0') == path.npos;
}

result<pooling_kind> kind_of(std::string_view mode) {
  if (mode == "mean" || mode == "mean_tokens") return pooling_kind::mean;
  if (mode == "lasttoken") return pooling_kind::last;
  return unsupported("the pooling " + shown_text(mode) + " is not computed here");
}

result<pooling_kind> read_pooling_config(const std::string& path) {
  TROUPE_ASSIGN(const auto file, read_json_file(path, limits));
  auto kind = parse_pooling_config(file);
  if (!kind) return with_context(std::move(kind).err(), path);
  return kind;
}

result<std::optional<pooling_kind>> read_gguf_pooling(const std::string& path) {
  TROUPE_ASSIGN(const gguf_file file, gguf_file::open(path));
  const auto& metadata = file.contents.metadata;
  const auto number = [&]() -> result<std::optional<int64_t>> {
    TROUPE_ASSIGN(const auto architecture, metadata.string("general.architecture"));
    if (!architecture) return std::optional<int64_t>();
    return metadata.integer(std::string(*architecture) + ".pooling_type", -1, 100);
  }();
  if (!number) return with_context(error(number.err()), path);
  // llama.cpp's enum llama_pooling_type; unspecified, or none: each row for itself.
  switch (number->value_or(-1)) {
    case -1:
    case 0: return std::optional<pooling_kind>();
    case 1: return std::optional(pooling_kind::mean);
    case 3: return std::optional(pooling_kind::last);
    default: return unsupported(path + ": pooling_type " + std::to_string(**number) + " is not computed here");
  }
}

}  // namespace

result<std::string> parse_pooling_modules(const json::value& modules) {
  if (!modules.is_array()) return error{errc::corrupt, "not a list of modules"};
  std::string path;
  bool is_first = true;
  for (const auto& entry : modules.get_array()) {
    if (!entry.is_object()) return error{errc::corrupt, "a module is not an object"};
    const config_fields module(entry.get_object());
    TROUPE_ASSIGN(const std::string type, module.string("type", ""));
    const auto name = class_name(type);
    // The model itself, whatever its class: config.json says what that is.
    if (std::exchange(is_first, false) || name == "Normalize") continue;
    if (name != "Pooling" || !path.empty())
      return unsupported("the module " + shown_text(type) + " is not computed here");
    TROUPE_ASSIGN(path, module.string("path", ""));
    if (!is_plain(path)) return module.wrong("path", "the name of a folder beside it");
  }
  return path;
}

result<pooling_kind> parse_pooling_config(const json::value& config) {
  if (!config.is_object()) return error{errc::corrupt, "not a JSON object"};
  const config_fields file(config.get_object());
  if (file.find("pooling_mode")) {
    TROUPE_ASSIGN(const std::string mode, file.string("pooling_mode", ""));
    return kind_of(mode);
  }
  constexpr std::array<std::string_view, 5> others{"cls_token", "max_tokens", "mean_sqrt_len_tokens",
                                                   "weightedmean_tokens", "lasttoken"};
  std::string modes;
  for (const auto mode : others) {
    TROUPE_ASSIGN(const bool on, file.boolean("pooling_mode_" + std::string(mode), false));
    if (on) modes += std::string(modes.empty() ? "" : "+") + std::string(mode);
  }
  // Where no flag is set or written, sentence-transformers takes the mean.
  TROUPE_ASSIGN(const bool mean, file.boolean("pooling_mode_mean_tokens", modes.empty()));
  if (mean) modes += modes.empty() ? "mean_tokens" : "+mean_tokens";
  return kind_of(modes);
}

result<std::optional<pooling_kind>> read_model_pooling(const std::string& folder) {
  TROUPE_ASSIGN(const auto gguf, gguf_path(folder));
  if (gguf) return read_gguf_pooling(*gguf);
  std::string pooling = "1_Pooling";
  if (const std::string path = folder + "/modules.json"; is_there(path)) {
    TROUPE_ASSIGN(const auto file, read_json_file(path, limits));
    auto named = parse_pooling_modules(file);
    if (!named) return with_context(std::move(named).err(), path);
    if (named->empty()) return std::optional<pooling_kind>();
    pooling = std::move(*named);
  } else if (!is_there(folder + "/1_Pooling/config.json")) {
    return std::optional<pooling_kind>();
  }
  TROUPE_ASSIGN(const auto kind, read_pooling_config(folder + "/" + pooling + "/config.json"));
  return std::optional(kind);
}

result<pooling_kind> choose_pooling(std::string_view configured, const std::string& folder) {
  if (configured == "mean") return pooling_kind::mean;
  if (configured == "last") return pooling_kind::last;
  TROUPE_CHECK(configured == "auto");
  TROUPE_ASSIGN(const auto told, read_model_pooling(folder));
  return told.value_or(pooling_kind::last);
}

}  // namespace troupe
