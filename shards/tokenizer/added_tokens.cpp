#include "shards/tokenizer/added_tokens.hpp"

#include <algorithm>

#include "base/utf8.hpp"
#include "shards/tokenizer/characters.hpp"
#include "shards/tokenizer/component.hpp"
#include "shards/tokenizer/normalizer.hpp"

namespace troupe {
namespace {

char32_t character_before(std::string_view text, size_t at) {
  do --at;
  while ((static_cast<unsigned char>(text[at]) & 0xC0) == 0x80);
  return utf8_decode(text, at);
}

char32_t character_at(std::string_view text, size_t at) { return utf8_decode(text, at); }

bool touches_a_word(std::string_view text, size_t begin, size_t end) {
  return (begin > 0 && is_word_character(character_before(text, begin))) ||
         (end < text.size() && is_word_character(character_at(text, end)));
}

// Where the white space that ends at `at` begins, not before `least`.
size_t spaces_before(std::string_view text, size_t at, size_t least) {
  while (at > least) {
    size_t start = at - 1;
    while (start > least && (static_cast<unsigned char>(text[start]) & 0xC0) == 0x80) --start;
    if (!is_space(character_at(text, start))) break;
    at = start;
  }
  return at;
}

size_t spaces_after(std::string_view text, size_t at) {
  while (at < text.size()) {
    size_t next = at;
    if (!is_space(utf8_decode(text, next))) break;
    at = next;
  }
  return at;
}

}  // namespace

result<added_token> read_added_token(const boost::json::object& object, const std::string& path) {
  json_reader reader(object, path);
  added_token token;
  TROUPE_ASSIGN(token.content, required_string(reader, "content"));
  TROUPE_ASSIGN(token.special, reader.boolean("special", false));
  TROUPE_ASSIGN(token.lstrip, reader.boolean("lstrip", false));
  TROUPE_ASSIGN(token.rstrip, reader.boolean("rstrip", false));
  TROUPE_ASSIGN(token.single_word, reader.boolean("single_word", false));
  TROUPE_ASSIGN(token.normalized, reader.boolean("normalized", !token.special));
  return token;
}

result<void> added_tokens::read(const boost::json::value& list) {
  if (list.is_null()) return {};
  if (!list.is_array()) return {errc::corrupt, "added_tokens must be an array"};
  for (size_t i = 0; i < list.get_array().size(); ++i) {
    const auto& value = list.get_array()[i];
    std::string path = "added_tokens[" + std::to_string(i) + "]";
    if (!value.is_object()) return {errc::corrupt, path + " must be an object"};
    const auto& object = value.get_object();
    TROUPE_TRY(allow_only(object, path, {"id", "content", "single_word", "lstrip", "rstrip", "normalized", "special"}));
    TROUPE_ASSIGN(added_token token, read_added_token(object, path));
    TROUPE_ASSIGN(int64_t id, required_integer(json_reader(object, path), "id", 0, token_ids_max - 1));
    token.id = static_cast<token_id>(id);
    if (find(token.content)) return {errc::corrupt, path + ": \"" + token.content + "\" is there already"};
    auto added = add(std::move(token));
    if (!added) return with_context(added.err(), path);
  }
  return {};
}

result<void> added_tokens::add(added_token token) {
  auto says = [&](const std::string& what) {
    return error{errc::corrupt, "the added token \"" + token.content.substr(0, 100) + "\" " + what};
  };
  if (token.content.empty()) return {errc::corrupt, "an added token has no text"};
  if (token.content.size() > added_token_bytes_max)
    return says("is longer than " + std::to_string(added_token_bytes_max) + " bytes");
  if (!is_utf8(token.content)) return says("is not UTF-8");
  if (token.id >= token_ids_max) return says("has an id that is too high");
  auto same_text = by_content_.find(token.content);
  auto same_id = by_id_.find(token.id);
  if (same_text == by_content_.end() && same_id == by_id_.end()) {
    by_content_.emplace(token.content, tokens_.size());
    by_id_.emplace(token.id, tokens_.size());
    tokens_.push_back(std::move(token));
    return {};
  }
  if (same_text == by_content_.end())
    return says("has the id of \"" + tokens_[same_id->second].content + "\", " + std::to_string(token.id));
  auto& old = tokens_[same_text->second];
  if (old.id != token.id) return says("has two ids, " + std::to_string(old.id) + " and " + std::to_string(token.id));
  old = std::move(token);
  return {};
}

result<void> added_tokens::build(const vocabulary& tokens, const normalizer& normalize) {
  for (size_t i = 0; i < tokens_.size(); ++i) {
    const auto& token = tokens_[i];
    const std::string* text = tokens.text(token.id);
    auto id = tokens.find(token.content);
    if ((text && *text != token.content) || (id && *id != token.id)) {
      return {errc::corrupt, "the added token \"" + token.content + "\" with the id " + std::to_string(token.id) +
                                 " contradicts model.vocab"};
    }
    if (!token.normalized) {
      raw_.put(token.content, i);
      continue;
    }
    // It is looked for in normalized text, so in the form that it has there.
    TROUPE_ASSIGN(std::string form, normalize.apply(token.content));
    if (!form.empty()) normalized_.put(form, i);
  }
  return {};
}

const added_token* added_tokens::find(std::string_view content) const {
  auto found = by_content_.find(content);
  return found == by_content_.end() ? nullptr : &tokens_[found->second];
}

const added_token* added_tokens::find(token_id id) const {
  auto found = by_id_.find(id);
  return found == by_id_.end() ? nullptr : &tokens_[found->second];
}

// The leftmost match, and of those the longest, goes first; a match that is then refused still uses up its text, as in
// the Hugging Face library (added_vocabulary.rs, find_matches).
std::vector<added_tokens::part> added_tokens::split(std::string_view text, bool normalized,
                                                    special_tokens special) const {
  std::vector<part> parts;
  const auto& trie = normalized ? normalized_ : raw_;
  size_t done = 0;  // everything before is in parts
  for (size_t at = 0; !trie.empty() && at < text.size();) {
    auto match = trie.longest(text, at);
    if (!match) {
      ++at;
      continue;
    }
    const auto& token = tokens_[match->value];
    size_t begin = at;
    size_t end = at + match->length;
    at = end;
    if (token.special && special == special_tokens::as_text) continue;
    if (token.single_word && touches_a_word(text, begin, end)) continue;
    // The white space after an earlier token may have reached into this match.
    if (begin < done) continue;
    if (token.lstrip) begin = spaces_before(text, begin, done);
    if (token.rstrip) end = spaces_after(text, end);
    if (done < begin) parts.push_back({text.substr(done, begin - done), std::nullopt});
    parts.push_back({text.substr(begin, end - begin), token.id});
    done = end;
  }
  if (done < text.size()) parts.push_back({text.substr(done), std::nullopt});
  return parts;
}

}  // namespace troupe
