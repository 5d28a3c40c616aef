// tokenizer::load: the files of a model's folder.
#include <algorithm>
#include <filesystem>

#include "base/read_file.hpp"
#include "shards/model/gguf_file.hpp"
#include "shards/tokenizer/added_tokens.hpp"
#include "shards/tokenizer/component.hpp"
#include "shards/tokenizer/gguf_tokenizer.hpp"
#include "shards/tokenizer/sentencepiece_model.hpp"
#include "shards/tokenizer/tokenizer.hpp"
#include "shards/tokenizer/tokenizer_parts.hpp"

namespace troupe {
namespace {

constexpr size_t sentencepiece_bytes_max = 64 << 20;

// "bos_token": a text, or {"content": text, ...}. Empty where it is absent.
result<std::string> token_member(const boost::json::object& file, std::string_view key) {
  json_reader reader(file);
  const auto* value = reader.find(key);
  if (value && value->is_object())
    return required_string(json_reader(value->get_object(), std::string(key)), "content");
  return reader.string(key, "");
}

// These classes of the transformers library build the template from add_bos_token and add_eos_token and forget the one
// in tokenizer.json; the others do not read them.
bool class_decides_template(const std::string& name) {
  static constexpr std::string_view stems[] = {"Llama", "CodeLlama", "Gemma", "Cohere"};
  return name.empty() || std::any_of(std::begin(stems), std::end(stems), [&](std::string_view stem) {
           return name == std::string(stem) + "Tokenizer" || name == std::string(stem) + "TokenizerFast";
         });
}

result<void> read_added_tokens(const boost::json::object& config, tokenizer_options& options) {
  TROUPE_ASSIGN(const boost::json::object* list, json_reader(config).object("added_tokens_decoder"));
  if (!list) return {};
  for (const auto& entry : *list) {
    std::string path = "added_tokens_decoder." + std::string(entry.key());
    if (!entry.value().is_object()) return {errc::corrupt, path + " must be an object"};
    TROUPE_ASSIGN(added_token token, read_added_token(entry.value().get_object(), path));
    std::string_view digits = entry.key();
    bool number = !digits.empty() && digits.size() <= 9 &&
                  std::all_of(digits.begin(), digits.end(), [](char c) { return c >= '0' && c <= '9'; });
    if (!number) return {errc::corrupt, path + ": the key must be the id of a token"};
    token.id = static_cast<token_id>(std::stoul(std::string(digits)));
    options.added_tokens.push_back(std::move(token));
  }
  return {};
}

result<void> read_config(const boost::json::object& config, tokenizer_options& options) {
  json_reader reader(config);
  TROUPE_ASSIGN(options.bos_token, token_member(config, "bos_token"));
  TROUPE_ASSIGN(options.eos_token, token_member(config, "eos_token"));
  TROUPE_TRY(read_added_tokens(config, options));
  TROUPE_ASSIGN(std::string name, reader.string("tokenizer_class", ""));
  TROUPE_ASSIGN(bool add_bos, reader.boolean("add_bos_token", false));
  TROUPE_ASSIGN(bool add_eos, reader.boolean("add_eos_token", false));
  if (!class_decides_template(name)) return {};
  if (reader.has("add_bos_token")) options.add_bos = add_bos;
  if (reader.has("add_eos_token")) options.add_eos = add_eos;
  return {};
}

// The object in a file of the folder; an empty one where there is no such file.
result<boost::json::object> optional_object(const std::filesystem::path& path) {
  std::error_code ignored;
  if (!std::filesystem::exists(path, ignored)) return boost::json::object();
  TROUPE_ASSIGN(boost::json::value value, read_json_file(path.string()));
  if (!value.is_object()) return {errc::corrupt, path.string() + ": must be an object"};
  return std::move(value.get_object());
}

/// Where there is no tokenizer.json: transformers' LlamaTokenizer puts bos before a text unless it is told not to.
result<std::shared_ptr<const tokenizer>> load_sentencepiece(const std::filesystem::path& folder,
                                                            tokenizer_options options) {
  const std::string path = (folder / "tokenizer.model").string();
  std::error_code ignored;
  if (std::filesystem::exists(folder / "added_tokens.json", ignored)) {
    return {errc::not_supported, folder.string() +
                                     ": added_tokens.json beside a tokenizer.model is not supported; save " +
                                     "the tokenizer as tokenizer.json"};
  }
  TROUPE_ASSIGN(const std::string bytes, read_file(path, sentencepiece_bytes_max));
  auto model = parse_sentencepiece_model(std::as_bytes(std::span(bytes)));
  if (!model) return with_context(model.err(), path);
  if (options.bos_token.empty()) options.bos_token = model->bos_token;
  if (options.eos_token.empty()) options.eos_token = model->eos_token;
  if (!options.add_bos) options.add_bos = !options.bos_token.empty();
  return make_tokenizer(model->tokenizer_json, options, path);
}

}  // namespace

result<std::shared_ptr<const tokenizer>> tokenizer::load(const std::string& model_folder) {
  TROUPE_ASSIGN(const auto gguf, gguf_path(model_folder));
  if (gguf) {
    TROUPE_ASSIGN(const gguf_file opened, gguf_file::open(*gguf));
    auto made = tokenizer_from_gguf(opened.contents);
    if (!made) return with_context(made.err(), *gguf);
    return made;
  }
  std::filesystem::path folder(model_folder);
  auto in_file = [](error e, const std::filesystem::path& path) {
    if (e.code == errc::invalid_argument) e.code = errc::corrupt;
    return with_context(in_one_line(std::move(e)), path.string());
  };
  tokenizer_options options;
  auto config_path = folder / "tokenizer_config.json";
  TROUPE_ASSIGN(auto config, optional_object(config_path));
  if (auto read = read_config(config, options); !read) return in_file(read.err(), config_path);

  auto map_path = folder / "special_tokens_map.json";
  TROUPE_ASSIGN(auto map, optional_object(map_path));
  for (auto [key, text] : {std::pair{"bos_token", &options.bos_token}, std::pair{"eos_token", &options.eos_token}}) {
    auto token = token_member(map, key);
    if (!token) return in_file(token.err(), map_path);
    if (text->empty()) *text = std::move(*token);
  }

  std::error_code ignored;
  if (!std::filesystem::exists(folder / "tokenizer.json", ignored) &&
      std::filesystem::exists(folder / "tokenizer.model", ignored))
    return load_sentencepiece(folder, std::move(options));
  TROUPE_ASSIGN(boost::json::value file, read_json_file((folder / "tokenizer.json").string()));
  auto parsed = parse(file, options);
  if (!parsed) return with_context(parsed.err(), model_folder);
  return parsed;
}

}  // namespace troupe
