// What a tokenizer is made of; only its own sources see it.
#pragma once

#include <boost/json/fwd.hpp>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "shards/tokenizer/added_tokens.hpp"
#include "shards/tokenizer/bpe_model.hpp"
#include "shards/tokenizer/normalizer.hpp"
#include "shards/tokenizer/post_processor.hpp"
#include "shards/tokenizer/pre_tokenizer.hpp"
#include "shards/tokenizer/token_decoder.hpp"
#include "shards/tokenizer/tokenizer.hpp"

namespace troupe {

/// What decoding needs to know of every token, by id.
class piece_table {
 public:
  struct entry {
    uint32_t begin = 0;  // of its bytes in the table's
    uint32_t size = 0;
    bool exists = false;
    bool special = false;
    bool byte = false;
  };

  /// Ids in rising order; those left out do not exist. Errors: not_supported when the texts of all tokens are too long.
  result<void> add(token_id id, const piece& p, bool special);

  const entry* find(token_id id) const { return id < entries_.size() && entries_[id].exists ? &entries_[id] : nullptr; }
  std::string_view text(const entry& e) const { return std::string_view(bytes_).substr(e.begin, e.size); }
  size_t size() const { return entries_.size(); }

 private:
  std::string bytes_;
  std::vector<entry> entries_;
};

struct tokenizer_parts {
  added_tokens added;
  normalizer normalize;
  pre_tokenizer split;
  bpe_model model;
  post_processor around;
  token_decoder decoder;
  piece_table pieces;
  std::string bos_token;
  std::string eos_token;
  std::optional<token_id> bos;
  std::optional<token_id> eos;

  /// The text of a token as the file writes it; nullptr where there is none.
  const std::string* token_text(token_id id) const;
  std::optional<token_id> find(std::string_view token) const;
  /// What a token that exists gives to a text.
  result<piece> decode(token_id id, bool first) const;
  /// What the token adds to a text. `stream` says whether it is the first.
  std::string push(decode_stream& stream, token_id id, bool skip_special) const;
};

/// tokenizer::parse, of a file called `source` in errors.
result<std::shared_ptr<const tokenizer>> make_tokenizer(const boost::json::value& tokenizer_json,
                                                        const tokenizer_options& options, std::string_view source);

}  // namespace troupe
