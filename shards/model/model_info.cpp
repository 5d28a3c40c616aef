#include "shards/model/model_info.hpp"

#include <algorithm>
#include <boost/json/object.hpp>
#include <filesystem>
#include <iomanip>
#include <map>
#include <sstream>

#include "base/json.hpp"
#include "shards/model/config_fields.hpp"
#include "shards/model/gguf_file.hpp"
#include "shards/model/gguf_model.hpp"
#include "shards/model/model_version.hpp"
#include "shards/model/quantised_blocks.hpp"
#include "shards/model/weight_files.hpp"

namespace troupe {
namespace {

// The CPU backend keeps keys and values in f32.
constexpr uint64_t kv_element_bytes = 4;

bool exists(const std::string& path) {
  std::error_code ignored;
  return std::filesystem::exists(path, ignored);
}

/// An absent file gives an empty object.
result<boost::json::object> read_object(const std::string& path) {
  if (!exists(path)) return boost::json::object();
  TROUPE_ASSIGN(auto value, read_json_file(path));
  if (!value.is_object()) return error{errc::corrupt, path + ": not a JSON object"};
  return std::move(value.get_object());
}

result<std::string> tokenizer_kind(const std::string& folder) {
  const std::string path = folder + "/tokenizer.json";
  if (!exists(path)) return std::string(exists(folder + "/tokenizer.model") ? "SentencePiece" : "none");
  TROUPE_ASSIGN(auto file, read_object(path));
  const auto* model = file.if_contains("model");
  const auto* type = model && model->is_object() ? model->get_object().if_contains("type") : nullptr;
  if (!type || !type->is_string()) return error{errc::corrupt, path + ": there is no string model.type"};
  return std::string(type->get_string());
}

result<bool> find_chat_template(const std::string& folder) {
  if (exists(folder + "/chat_template.jinja")) return true;
  TROUPE_ASSIGN(auto file, read_object(folder + "/tokenizer_config.json"));
  return json_reader(file).has("chat_template");
}

result<void> describe_texts(const std::string& folder, model_summary& out) {
  TROUPE_ASSIGN(const auto gguf, gguf_path(folder));
  if (!gguf) {
    TROUPE_ASSIGN(out.tokenizer, tokenizer_kind(folder));
    TROUPE_ASSIGN(out.has_chat_template, find_chat_template(folder));
    return {};
  }
  TROUPE_ASSIGN(const gguf_file file, gguf_file::open(*gguf));
  TROUPE_ASSIGN(out.tokenizer, gguf_tokenizer_kind(file.contents));
  out.has_chat_template = file.contents.metadata.has("tokenizer.chat_template");
  return {};
}

std::vector<std::string> dtypes_of(const weight_files& files) {
  std::map<std::string, uint64_t> bytes;
  for (const auto& part : files.parts()) {
    for (const auto& tensor : part.tensors) bytes[std::string(name(tensor.type))] += tensor.data.size();
  }
  std::vector<std::string> out;
  out.reserve(bytes.size());
  for (const auto& [type, count] : bytes) out.push_back(type);
  std::stable_sort(out.begin(), out.end(), [&](const auto& a, const auto& b) { return bytes[a] > bytes[b]; });
  return out;
}

/// "6.96 MB"
std::string amount(uint64_t count, std::string_view unit) {
  constexpr std::string_view prefixes = " kMGTP";
  auto value = static_cast<double>(count);
  size_t step = 0;
  while (value >= 1000 && step + 1 < prefixes.size()) {
    value /= 1000;
    ++step;
  }
  std::ostringstream out;
  out << std::fixed << std::setprecision(step == 0 ? 0 : 2) << value;
  if (step > 0 || !unit.empty()) out << ' ';
  if (step > 0) out << prefixes[step];
  out << unit;
  return out.str();
}

template <class Range>
std::string joined(const Range& range) {
  std::ostringstream out;
  bool first = true;
  for (const auto& element : range) {
    out << (first ? "" : ", ") << element;
    first = false;
  }
  return out.str();
}

/// What only some models have, a line each.
std::string special_lines(const model_config& config) {
  std::ostringstream out;
  if (config.window != 0) {
    out << "window:        " << config.window << " tokens in " << std::ranges::count(config.sliding, true) << " of "
        << config.layers << " layers\n";
  }
  if (config.experts) {
    out << "experts:       " << config.experts->count << " of " << config.experts->intermediate << ", "
        << config.experts->used << " for a token, in " << std::ranges::count(config.sparse, true) << " of "
        << config.layers << " layers\n";
  }
  return out.str();
}

}  // namespace

result<model_summary> summarise_model(const std::string& folder) {
  model_summary out;
  out.folder = folder;
  TROUPE_ASSIGN(out.config, read_model_config(folder));
  TROUPE_ASSIGN(auto files, weight_files::open(folder));
  if (auto checked = check_weights(out.config, files); !checked) return with_context(checked.err(), folder);
  for (const auto& part : files.parts()) {
    for (const auto& tensor : part.tensors) {
      if (auto checked = check_scales(tensor); !checked) return with_context(checked.err(), folder);
    }
  }
  TROUPE_ASSIGN(out.version, model_version(folder, files));
  out.parameters = parameter_count(out.config);
  out.weight_bytes = files.bytes();
  out.weight_file_count = files.parts().size();
  out.dtypes = dtypes_of(files);
  TROUPE_TRY(describe_texts(folder, out));
  out.kv_bytes_per_token = 2 * uint64_t{out.config.layers} * out.config.kv_size() * kv_element_bytes;
  for (uint32_t tp : {1U, 2U, 4U, 8U}) {
    if (can_split(out.config, tp)) out.tp_degrees.push_back(tp);
  }
  return out;
}

std::string to_text(const model_summary& summary) {
  const model_config& config = summary.config;
  std::ostringstream out;
  out << "folder:        " << summary.folder << '\n'
      << "version:       " << summary.version << '\n'
      << "architecture:  " << name(config.kind) << (config.tied_embeddings ? ", tied embeddings" : "") << '\n'
      << "parameters:    " << amount(summary.parameters, "") << " (" << summary.parameters << ")\n"
      << "weights:       " << amount(summary.weight_bytes, "B") << " of " << joined(summary.dtypes) << " in "
      << summary.weight_file_count << (summary.weight_file_count == 1 ? " file\n" : " files\n")
      << "layers:        " << config.layers << '\n'
      << "hidden size:   " << config.hidden << ", intermediate " << config.intermediate << '\n'
      << "heads:         " << config.heads << " of " << config.head_dim << ", " << config.kv_heads
      << " for keys and values\n"
      << "rope:          " << text_of(config.rope)
      << (config.sliding_rope ? "; with a window " + text_of(*config.sliding_rope) : "") << '\n'
      << special_lines(config) << "context:       " << config.context_max << " tokens\n"
      << "vocabulary:    " << config.vocab_size << " tokens\n"
      << "tokenizer:     " << summary.tokenizer << '\n'
      << "chat template: " << (summary.has_chat_template ? "yes" : "no") << '\n'
      << "kv cache:      " << amount(summary.kv_bytes_per_token, "B") << " a token, "
      << amount(summary.kv_bytes_per_token * config.context_max, "B") << " for a full context (f32, over all ranks)\n"
      << "ranks (tp):    " << joined(summary.tp_degrees) << '\n';
  return out.str();
}

}  // namespace troupe
