// Where a model's folder keeps its templates and special tokens: chat_template_set of chat_template.hpp.
#include <boost/json/array.hpp>
#include <filesystem>

#include "base/json.hpp"
#include "base/read_file.hpp"
#include "shards/chat_template/chat_template.hpp"
#include "shards/model/gguf_file.hpp"
#include "shards/model/gguf_model.hpp"

namespace troupe {
namespace {

namespace json = boost::json;

error damaged(std::string detail) { return {errc::corrupt, std::move(detail)}; }

result<std::shared_ptr<const chat_template>> parse_named(std::string source, std::string_view name) {
  auto parsed = chat_template::parse(std::move(source));
  if (parsed) return parsed;
  return with_context({errc::corrupt, parsed.err().detail}, name);
}

// A token is a string, or an object that says how it is matched and has the string as its content.
std::optional<std::string> token_text(const json::value& token) {
  const json::value* text = &token;
  if (const auto* object = token.if_object()) text = object->if_contains("content");
  if (!text || !text->is_string()) return std::nullopt;
  return std::string(text->get_string());
}

// What transformers calls special_tokens_map.
result<json::object> special_tokens(const json::object& config) {
  json::object out;
  for (const char* name :
       {"bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token"}) {
    const json::value* token = config.if_contains(name);
    if (!token || token->is_null()) continue;
    auto text = token_text(*token);
    if (!text) return damaged(std::string(name) + " must be a string");
    out[name] = *text;
  }
  const json::value* more = config.if_contains("additional_special_tokens");
  if (more && more->is_array()) {
    json::array tokens;
    for (const auto& token : more->get_array()) {
      auto text = token_text(token);
      if (!text) return damaged("additional_special_tokens must be strings");
      tokens.emplace_back(*text);
    }
    out["additional_special_tokens"] = std::move(tokens);
  }
  return out;
}

result<chat_template_set> from_gguf(const std::string& path) {
  TROUPE_ASSIGN(const gguf_file file, gguf_file::open(path));
  auto config = gguf_tokenizer_config(file.contents);
  if (!config) return with_context(config.err(), path);
  auto out = chat_template_from_config(*config);
  if (!out) return with_context(out.err(), path);
  return out;
}

}  // namespace

result<chat_template_set> chat_template_from_config(const json::object& config,
                                                    std::optional<std::string> template_file) {
  chat_template_set out;
  TROUPE_ASSIGN(out.context_, special_tokens(config));
  out.context_["tools"] = nullptr;
  out.context_["documents"] = nullptr;
  if (template_file) {
    TROUPE_ASSIGN(out.default_, parse_named(std::move(*template_file), "chat template"));
    return out;
  }
  const json::value* found = config.if_contains("chat_template");
  if (!found || found->is_null()) return error{errc::not_found, "the model has no chat template"};
  if (found->is_string()) {
    TROUPE_ASSIGN(out.default_, parse_named(std::string(found->get_string()), "chat_template"));
    return out;
  }
  if (!found->is_array()) return damaged("chat_template must be a string or a list of templates");
  for (const auto& entry : found->get_array()) {
    const json::value* name = entry.is_object() ? entry.get_object().if_contains("name") : nullptr;
    const json::value* text = entry.is_object() ? entry.get_object().if_contains("template") : nullptr;
    if (!name || !name->is_string() || !text || !text->is_string()) {
      return damaged("chat_template must be a list of objects with name and template");
    }
    // Others ("rag") are for callers who ask for them by name, which no request can.
    auto* place = name->get_string() == "default"    ? &out.default_
                  : name->get_string() == "tool_use" ? &out.tool_use_
                                                     : nullptr;
    if (!place) continue;
    TROUPE_ASSIGN(*place,
                  parse_named(std::string(text->get_string()), "chat_template " + std::string(name->get_string())));
  }
  if (!out.default_) return error{errc::not_found, "the model has several chat templates and none is called default"};
  return out;
}

result<chat_template_set> read_chat_template(const std::string& folder) {
  TROUPE_ASSIGN(const auto gguf, gguf_path(folder));
  if (gguf) return from_gguf(*gguf);
  std::filesystem::path at(folder);
  std::error_code code;
  json::object config;
  if (auto path = at / "tokenizer_config.json"; std::filesystem::exists(path, code)) {
    TROUPE_ASSIGN(auto parsed, read_json_file(path.string()));
    if (!parsed.is_object()) return damaged(path.string() + ": it must be an object");
    config = std::move(parsed.get_object());
  }
  std::optional<std::string> text;
  if (auto path = at / "chat_template.jinja"; std::filesystem::exists(path, code)) {
    TROUPE_ASSIGN(text, read_file(path.string(), chat_template::source_bytes_max));
  } else if (auto json_path = at / "chat_template.json"; std::filesystem::exists(json_path, code)) {
    TROUPE_ASSIGN(auto parsed, read_json_file(json_path.string()));
    const json::value* found = parsed.is_object() ? parsed.get_object().if_contains("chat_template") : nullptr;
    if (!found || !found->is_string()) return damaged(json_path.string() + ": it must have the string chat_template");
    text = std::string(found->get_string());
  }
  auto out = chat_template_from_config(config, std::move(text));
  if (!out) return with_context(out.err(), folder);
  return out;
}

}  // namespace troupe
