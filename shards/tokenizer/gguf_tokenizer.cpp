#include "shards/tokenizer/gguf_tokenizer.hpp"

#include <algorithm>
#include <boost/json/array.hpp>
#include <unordered_set>

#include "base/utf8.hpp"
#include "shards/model/config_fields.hpp"
#include "shards/model/gguf_model.hpp"
#include "shards/tokenizer/sentence_pieces.hpp"
#include "shards/tokenizer/tokenizer_parts.hpp"
#include "shards/tokenizer/word_splits.hpp"

namespace troupe {
namespace {

namespace json = boost::json;

constexpr std::string_view tokens_key = "tokenizer.ggml.tokens";

error damaged(std::string detail) { return {errc::corrupt, std::move(detail)}; }

result<std::vector<sentence_piece>> read_pieces(const gguf_metadata& metadata) {
  TROUPE_ASSIGN(const auto tokens, metadata.strings(tokens_key));
  TROUPE_ASSIGN(const auto kinds, metadata.integers("tokenizer.ggml.token_type"));
  TROUPE_ASSIGN(const auto scores, metadata.floats("tokenizer.ggml.scores"));
  if (tokens.empty()) return damaged(std::string(tokens_key) + " is missing");
  if (tokens.size() > token_ids_max) return damaged("there are " + std::to_string(tokens.size()) + " tokens");
  for (auto [size, key] : {std::pair{kinds.size(), "token_type"}, std::pair{scores.size(), "scores"}}) {
    if (size != 0 && size != tokens.size()) {
      return damaged("there are " + std::to_string(tokens.size()) + " tokens, but tokenizer.ggml." + key + " has " +
                     std::to_string(size));
    }
  }
  std::vector<sentence_piece> out;
  out.reserve(tokens.size());
  for (size_t id = 0; id < tokens.size(); ++id) {
    auto kind = piece_kind_of(kinds.empty() ? 1 : kinds[id]);
    if (!kind) return damaged("token " + std::to_string(id) + " is of the unknown kind " + std::to_string(kinds[id]));
    if (!is_utf8(tokens[id])) return damaged("token " + std::to_string(id) + " is not UTF-8");
    // Converters fill gaps with such.
    if (tokens[id].empty()) kind = piece_kind::unused;
    out.push_back({std::string(tokens[id]), scores.empty() ? 0 : scores[id], *kind});
  }
  return out;
}

/// Phi-3's own tokenizer.json lets most of its control tokens swallow the white space after them, which a GGUF file has
/// no place for.
void strip_after_control_tokens(json::object& file) {
  for (auto& token : file.at("added_tokens").as_array()) {
    const auto& content = token.at("content").as_string();
    if (content != "<unk>" && content != "<s>" && content != "<|endoftext|>") token.as_object()["rstrip"] = true;
  }
}

result<json::object> sentence_piece_json(const gguf_contents& file, const std::vector<sentence_piece>& pieces) {
  const gguf_metadata& metadata = file.metadata;
  if (!metadata.has("tokenizer.ggml.scores")) return damaged("tokenizer.ggml.scores is missing");
  TROUPE_ASSIGN(const auto extra, metadata.boolean("tokenizer.ggml.remove_extra_whitespaces"));
  if (extra.value_or(false)) {
    return error{errc::not_supported, "tokenizer.ggml.remove_extra_whitespaces is true, which is not supported"};
  }
  if (metadata.has("tokenizer.ggml.precompiled_charsmap"))
    return error{errc::not_supported, "tokenizer.ggml.precompiled_charsmap is not supported"};
  TROUPE_ASSIGN(const auto space, metadata.boolean("tokenizer.ggml.add_space_prefix"));
  TROUPE_ASSIGN(const auto unknown, metadata.integer("tokenizer.ggml.unknown_token_id", 0, token_ids_max - 1));
  sentence_piece_rules rules{.space_before_text = space.value_or(true)};
  if (unknown) rules.unknown = static_cast<token_id>(*unknown);
  TROUPE_ASSIGN(json::object out, tokenizer_json_from_pieces(pieces, rules));
  TROUPE_ASSIGN(const auto architecture, metadata.string("general.architecture"));
  if (architecture == "phi3") strip_after_control_tokens(out);
  return out;
}

result<word_split> read_word_split(const gguf_metadata& metadata) {
  TROUPE_ASSIGN(const auto name, metadata.string("tokenizer.ggml.pre"));
  if (!name) {
    return error{errc::not_supported,
                 "tokenizer.ggml.pre is missing, so how words are split is not known; convert the model again"};
  }
  auto split = word_split_named(*name);
  if (!split) {
    return error{errc::not_supported,
                 "tokenizer.ggml.pre is " + shown_text(*name) + "; known are " + known_word_splits()};
  }
  return std::move(*split);
}

result<json::object> byte_level_json(const gguf_contents& file, const std::vector<sentence_piece>& pieces,
                                     word_split split) {
  TROUPE_ASSIGN(const auto merges, file.metadata.strings("tokenizer.ggml.merges"));
  if (merges.empty()) return damaged("tokenizer.ggml.merges is missing");
  json::object vocab;
  vocab.reserve(pieces.size());
  json::array added, list;
  for (token_id id = 0; id < pieces.size(); ++id) {
    const sentence_piece& piece = pieces[id];
    if (piece.kind == piece_kind::unused) continue;
    if (piece.kind == piece_kind::normal || piece.kind == piece_kind::byte) {
      if (!vocab.emplace(piece.text, int64_t{id}).second)
        return damaged("token " + std::to_string(id) + " has the text of another: " + shown_text(piece.text));
    } else {
      // Those of the user are written as they are, not in the alphabet for bytes, and no merge makes them.
      added.push_back(added_token_json(id, piece.text, piece.kind != piece_kind::user_defined));
    }
  }
  for (std::string_view merge : merges) {
    if (!is_utf8(merge)) return damaged("tokenizer.ggml.merges holds a text that is not UTF-8");
    list.emplace_back(merge);
  }
  return json::object{
      {"version", "1.0"},
      {"added_tokens", std::move(added)},
      {"normalizer", std::move(split.normalizer)},
      {"pre_tokenizer", std::move(split.pre_tokenizer)},
      {"post_processor", nullptr},
      {"decoder", {{"type", "ByteLevel"}, {"add_prefix_space", true}, {"trim_offsets", true}, {"use_regex", true}}},
      {"model",
       {{"type", "BPE"},
        {"dropout", nullptr},
        {"unk_token", nullptr},
        {"ignore_merges", split.ignore_merges},
        {"vocab", std::move(vocab)},
        {"merges", std::move(list)}}}};
}

/// `add_bos`: what holds where the file does not say.
result<tokenizer_options> read_options(const gguf_contents& file, bool add_bos) {
  TROUPE_ASSIGN(const json::object config, gguf_tokenizer_config(file));
  tokenizer_options out;
  TROUPE_ASSIGN(out.bos_token, json_reader(config).string("bos_token", ""));
  TROUPE_ASSIGN(out.eos_token, json_reader(config).string("eos_token", ""));
  TROUPE_ASSIGN(const auto bos, file.metadata.boolean("tokenizer.ggml.add_bos_token"));
  TROUPE_ASSIGN(const auto eos, file.metadata.boolean("tokenizer.ggml.add_eos_token"));
  out.add_bos = bos.value_or(add_bos && !out.bos_token.empty());
  out.add_eos = eos.value_or(false);
  return out;
}

}  // namespace

result<std::shared_ptr<const tokenizer>> tokenizer_from_gguf(const gguf_contents& file) {
  TROUPE_ASSIGN(const auto model, file.metadata.string("tokenizer.ggml.model"));
  if (!model) return damaged("tokenizer.ggml.model is missing: the file has no tokenizer");
  const bool is_sentence_piece = *model == "llama";
  if (!is_sentence_piece && *model != "gpt2") {
    return error{errc::not_supported,
                 "tokenizer.ggml.model is " + shown_text(*model) + "; only llama and gpt2 are supported"};
  }
  TROUPE_ASSIGN(const auto pieces, read_pieces(file.metadata));
  json::object made;
  bool add_bos = true;
  if (is_sentence_piece) {
    TROUPE_ASSIGN(made, sentence_piece_json(file, pieces));
  } else {
    TROUPE_ASSIGN(word_split split, read_word_split(file.metadata));
    add_bos = split.add_bos;
    TROUPE_ASSIGN(made, byte_level_json(file, pieces, std::move(split)));
  }
  TROUPE_ASSIGN(const tokenizer_options options, read_options(file, add_bos));
  return make_tokenizer(made, options, "its tokenizer");
}

}  // namespace troupe
