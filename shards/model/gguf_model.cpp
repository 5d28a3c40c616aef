#include "shards/model/gguf_model.hpp"

#include <algorithm>
#include <boost/json/array.hpp>

#include "base/utf8.hpp"
#include "shards/model/config_fields.hpp"
#include "shards/model/gguf_families.hpp"
#include "shards/model/model_config.hpp"

namespace troupe {
namespace {

namespace json = boost::json;

result<void> set_paired_rows(tensor_view& tensor, uint32_t head_dim) {
  const std::string who = "tensor " + shown_text(tensor.name);
  if (has_blocks(tensor.type) && tensor.shape.size() == 1) {
    return {errc::corrupt, who + " is a bias of " + std::string(name(tensor.type)) + ", which has no rows"};
  }
  if (tensor.shape.front() % head_dim != 0) {
    return {errc::corrupt, who + " has shape " + shape_text(tensor.shape) +
                               ", which is no multiple of the heads' size, " + std::to_string(head_dim)};
  }
  tensor.paired_rows = head_dim;
  return {};
}

/// A tensor with the matrices of all experts of a layer becomes a tensor for each, with its number in place of the "*".
result<void> add_experts(const tensor_view& all, const std::string& name, uint32_t experts,
                         std::vector<tensor_view>& out) {
  if (all.shape.size() != 3 || all.shape[0] != experts) {
    return {errc::corrupt, "tensor " + shown_text(all.name) + " has shape " + shape_text(all.shape) + ", expected " +
                               std::to_string(experts) + " matrices"};
  }
  const size_t star = name.find('*');
  const uint64_t bytes = all.data.size() / experts;
  for (uint32_t expert = 0; expert < experts; ++expert) {
    tensor_view one{.name = name, .type = all.type, .shape = {all.shape[1], all.shape[2]}, .data = {}};
    one.name.replace(star, 1, std::to_string(expert));
    one.data = all.data.subspan(expert * bytes, bytes);
    out.push_back(std::move(one));
  }
  return {};
}

result<std::string> checked_text(std::string_view text, std::string_view key) {
  if (!is_utf8(text)) return error{errc::corrupt, std::string(key) + " is not UTF-8"};
  return std::string(text);
}

/// The templates beside the default one: tokenizer.chat_template.NAME for each of tokenizer.chat_templates.
result<json::value> chat_templates(const gguf_contents& file) {
  const std::string key = "tokenizer.chat_template";
  TROUPE_ASSIGN(const auto single, file.metadata.string(key));
  if (!single) return json::value();
  TROUPE_ASSIGN(const std::string text, checked_text(*single, key));
  json::array list{{{"name", "default"}, {"template", text}}};
  TROUPE_ASSIGN(const auto names, file.metadata.strings("tokenizer.chat_templates"));
  for (std::string_view name : names) {
    const std::string named_key = key + "." + std::string(name);
    TROUPE_ASSIGN(const auto named, file.metadata.string(named_key));
    if (!named || name == "default" || !is_utf8(name)) continue;
    TROUPE_ASSIGN(const std::string named_text, checked_text(*named, named_key));
    list.push_back({{"name", name}, {"template", named_text}});
  }
  return list.size() == 1 ? json::value(text) : json::value(std::move(list));
}

}  // namespace

result<std::vector<tensor_view>> gguf_model_tensors(const gguf_contents& file, const model_config& config) {
  TROUPE_ASSIGN(const auto architecture, file.metadata.string("general.architecture"));
  const gguf_family* family = find_gguf_family(architecture.value_or(""), config.experts.has_value());
  if (!family) return error{errc::not_supported, "general.architecture is none that is supported"};
  std::vector<tensor_view> out;
  for (tensor_view tensor : file.tensors) {
    if (family->paired_rows && is_query_or_key(tensor.name)) TROUPE_TRY(set_paired_rows(tensor, config.head_dim));
    const auto name = model_tensor_name(*family, tensor.name);
    if (name && name->find('*') != std::string::npos) {
      TROUPE_TRY(add_experts(tensor, *name, config.experts ? config.experts->count : 0, out));
      continue;
    }
    if (name) tensor.name = *name;
    out.push_back(std::move(tensor));
  }
  return out;
}

result<json::object> gguf_tokenizer_config(const gguf_contents& file) {
  json::object out;
  TROUPE_ASSIGN(const auto tokens, file.metadata.strings("tokenizer.ggml.tokens"));
  for (auto [key, name] :
       {std::pair{"tokenizer.ggml.bos_token_id", "bos_token"}, std::pair{"tokenizer.ggml.eos_token_id", "eos_token"},
        std::pair{"tokenizer.ggml.unknown_token_id", "unk_token"},
        std::pair{"tokenizer.ggml.padding_token_id", "pad_token"}}) {
    TROUPE_ASSIGN(const auto id, file.metadata.integer(key, 0, UINT32_MAX));
    if (!id) continue;
    if (static_cast<uint64_t>(*id) >= tokens.size()) {
      return error{errc::corrupt, std::string(key) + " is " + std::to_string(*id) + ", but the file has " +
                                      std::to_string(tokens.size()) + " tokens"};
    }
    TROUPE_ASSIGN(out[name], checked_text(tokens[static_cast<size_t>(*id)], "the token of " + std::string(key)));
  }
  TROUPE_ASSIGN(json::value templates, chat_templates(file));
  if (!templates.is_null()) out["chat_template"] = std::move(templates);
  return out;
}

result<std::string> gguf_tokenizer_kind(const gguf_contents& file) {
  TROUPE_ASSIGN(const auto model, file.metadata.string("tokenizer.ggml.model"));
  TROUPE_ASSIGN(const auto pre, file.metadata.string("tokenizer.ggml.pre"));
  if (!model) return std::string("none");
  // For people: what is not text is shown escaped, without the quotes.
  std::string kind = shown_text(pre ? std::string(*model) + ", " + std::string(*pre) : std::string(*model));
  return kind.substr(1, kind.size() - 2);
}

}  // namespace troupe
