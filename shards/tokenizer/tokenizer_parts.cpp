#include "shards/tokenizer/tokenizer_parts.hpp"

#include <algorithm>

#include "shards/tokenizer/component.hpp"
#include "shards/tokenizer/tokenizer.hpp"

namespace troupe {
namespace {

constexpr size_t piece_table_bytes_max = size_t{1} << 30;

result<std::optional<token_id>> control_token(const tokenizer_parts& parts, const std::string& text, const char* name) {
  if (text.empty()) return std::optional<token_id>();
  auto id = parts.find(text);
  if (!id) return {errc::corrupt, std::string(name) + " \"" + text + "\" is not in the vocabulary"};
  return id;
}

result<void> fill_pieces(tokenizer_parts& parts) {
  size_t limit = parts.model.tokens().id_limit();
  for (const auto& token : parts.added.all()) limit = std::max<size_t>(limit, token.id + size_t{1});
  for (token_id id = 0; id < limit; ++id) {
    if (!parts.token_text(id)) continue;
    const auto* added = parts.added.find(id);
    TROUPE_ASSIGN(piece p, parts.decode(id, false));
    TROUPE_TRY(parts.pieces.add(id, p, added && added->special));
  }
  return {};
}

result<void> read(tokenizer_parts& parts, const boost::json::object& file, const tokenizer_options& options) {
  TROUPE_TRY(allow_only(file, "",
                        {"version", "truncation", "padding", "added_tokens", "normalizer", "pre_tokenizer",
                         "post_processor", "decoder", "model"}));
  static const boost::json::value absent;
  auto member = [&](std::string_view key) -> const boost::json::value& {
    const auto* value = file.if_contains(key);
    return value ? *value : absent;
  };
  TROUPE_ASSIGN(std::string version, json_reader(file).string("version", "1.0"));
  if (version != "1.0") return {errc::not_supported, "version \"" + version + "\" is not supported"};

  TROUPE_TRY(parts.added.read(member("added_tokens")));
  for (const auto& token : options.added_tokens) TROUPE_TRY(parts.added.add(token));
  std::unordered_set<std::string> control;
  for (const auto& token : parts.added.all()) {
    if (token.special) control.insert(token.content);
  }
  if (!member("model").is_object()) return {errc::corrupt, "model must be an object"};
  TROUPE_ASSIGN(parts.model, bpe_model::parse(member("model").get_object(), control));
  TROUPE_ASSIGN(parts.normalize, normalizer::parse(member("normalizer")));
  TROUPE_TRY(parts.added.build(parts.model.tokens(), parts.normalize));
  TROUPE_ASSIGN(parts.split, pre_tokenizer::parse(member("pre_tokenizer")));
  TROUPE_ASSIGN(parts.decoder, token_decoder::parse(member("decoder")));
  TROUPE_TRY(fill_pieces(parts));
  auto is_token = [&](token_id id) { return parts.pieces.find(id) != nullptr; };
  TROUPE_ASSIGN(parts.around, post_processor::parse(member("post_processor"), is_token));

  parts.bos_token = options.bos_token;
  parts.eos_token = options.eos_token;
  TROUPE_ASSIGN(parts.bos, control_token(parts, options.bos_token, "bos_token"));
  TROUPE_ASSIGN(parts.eos, control_token(parts, options.eos_token, "eos_token"));
  if (options.add_bos) {
    if (*options.add_bos && !parts.bos) return {errc::corrupt, "add_bos_token is set, but there is no bos_token"};
    parts.around.before.clear();
    if (*options.add_bos) parts.around.before.push_back(*parts.bos);
  }
  if (options.add_eos) {
    if (*options.add_eos && !parts.eos) return {errc::corrupt, "add_eos_token is set, but there is no eos_token"};
    parts.around.after.clear();
    if (*options.add_eos) parts.around.after.push_back(*parts.eos);
  }
  return {};
}

}  // namespace

result<void> piece_table::add(token_id id, const piece& p, bool special) {
  if (bytes_.size() + p.text.size() > piece_table_bytes_max) {
    return {errc::not_supported,
            "the texts of all tokens are longer than " + std::to_string(piece_table_bytes_max) + " bytes"};
  }
  if (entries_.size() <= id) entries_.resize(id + size_t{1});
  entries_[id] = {static_cast<uint32_t>(bytes_.size()), static_cast<uint32_t>(p.text.size()), true, special, p.byte};
  bytes_ += p.text;
  return {};
}

const std::string* tokenizer_parts::token_text(token_id id) const {
  if (const auto* token = added.find(id)) return &token->content;
  return model.tokens().text(id);
}

std::optional<token_id> tokenizer_parts::find(std::string_view token) const {
  if (const auto* found = added.find(token)) return found->id;
  return model.tokens().find(token);
}

result<piece> tokenizer_parts::decode(token_id id, bool first) const {
  return decoder.decode(*token_text(id), first, model.tokens().text(id) == nullptr);
}

std::string tokenizer_parts::push(decode_stream& stream, token_id id, bool skip_special) const {
  const auto* entry = pieces.find(id);
  if (!entry || (skip_special && entry->special)) return "";
  if (stream.at_start() && decoder.first_differs()) {
    // Worked out at load for every place but the first, where it takes no pattern that was not fine then.
    auto p = decode(id, true);
    return p ? stream.push(p->text, p->byte) : "";
  }
  return stream.push(pieces.text(*entry), entry->byte);
}

result<std::shared_ptr<const tokenizer>> make_tokenizer(const boost::json::value& tokenizer_json,
                                                        const tokenizer_options& options, std::string_view source) {
  auto wrong = [&](error e) {
    // A file is not a request: what is wrong with it is damage.
    if (e.code == errc::invalid_argument) e.code = errc::corrupt;
    return with_context(in_one_line(std::move(e)), source);
  };
  if (!tokenizer_json.is_object()) return wrong({errc::corrupt, "must be an object"});
  auto parts = std::make_unique<tokenizer_parts>();
  if (auto ok = read(*parts, tokenizer_json.get_object(), options); !ok) return wrong(ok.err());
  return std::make_shared<const tokenizer>(std::move(parts));
}

result<std::shared_ptr<const tokenizer>> tokenizer::parse(const boost::json::value& tokenizer_json,
                                                          const tokenizer_options& options) {
  return make_tokenizer(tokenizer_json, options, "tokenizer.json");
}

}  // namespace troupe
