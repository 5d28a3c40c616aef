// The added tokens of a tokenizer: texts such as "<|im_end|>" that are found in a text before it is split into words.
#pragma once

#include <boost/json/array.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/result.hpp"
#include "shards/tokenizer/text_trie.hpp"
#include "shards/tokenizer/tokenizer.hpp"
#include "shards/tokenizer/vocabulary.hpp"

namespace troupe {

class normalizer;

/// The longest text of an added token, in bytes: searching costs so much for every byte of a text, at worst.
inline constexpr size_t added_token_bytes_max = 256;

/// Reads the members of one added token, the id apart. Errors: corrupt, not_supported.
result<added_token> read_added_token(const boost::json::object& object, const std::string& path);

/// Immutable after build(); any thread.
class added_tokens {
 public:
  /// A part of a text: one added token, or what lies between them.
  struct part {
    std::string_view text;
    std::optional<token_id> token;
  };

  /// "added_tokens" of tokenizer.json.
  result<void> read(const boost::json::value& list);
  /// One that is there already is redefined. Errors: corrupt, when its id differs.
  result<void> add(added_token token);
  /// To be called once all are there. `tokens`: the model's; a text that both have must have the same id.
  result<void> build(const vocabulary& tokens, const normalizer& normalize);

  const std::vector<added_token>& all() const { return tokens_; }
  const added_token* find(std::string_view content) const;
  const added_token* find(token_id id) const;

  /// Cuts `text` at the tokens that are looked for before (`normalized` false) or after the normalizer has run.
  /// The parts view `text`, none is empty.
  std::vector<part> split(std::string_view text, bool normalized, special_tokens special) const;

 private:
  std::vector<added_token> tokens_;
  std::unordered_map<std::string, size_t, text_hash, std::equal_to<>> by_content_;  // indices into tokens_
  std::unordered_map<token_id, size_t> by_id_;
  text_trie raw_;  // finds indices into tokens_
  text_trie normalized_;
};

}  // namespace troupe
