// The "model" of tokenizer.json, byte-pair encoding: a word is cut into characters, and neighbours merge, the pair of
// the lowest rank first, until none can. Sennrich et al. 2016, "Neural machine translation of rare words with subword
// units". With a heap of candidates a word of n characters takes O(n log n), so a long run of one letter is no trap.
#pragma once

#include <array>
#include <boost/json/object.hpp>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "base/result.hpp"
#include "shards/tokenizer/merge_table.hpp"
#include "shards/tokenizer/vocabulary.hpp"

namespace troupe {

/// What encoding one word needs, kept from word to word. One thread.
struct bpe_scratch {
  struct symbol {
    token_id id;
    uint32_t previous;  // indices into symbols
    uint32_t next;
  };
  struct candidate {
    uint32_t rank;
    uint32_t at;  // the left symbol of the pair
    token_id token;
  };
  std::vector<symbol> symbols;
  std::vector<candidate> heap;
};

/// Immutable; any thread.
class bpe_model {
 public:
  /// `control_tokens`: texts that encode_word never turns into their token. A user's words could else become one by
  /// merging. Errors: corrupt, not_supported.
  static result<bpe_model> parse(const boost::json::object& model,
                                 const std::unordered_set<std::string>& control_tokens);

  /// Appends the tokens of one word (valid UTF-8).
  void encode_word(std::string_view word, bpe_scratch& scratch, std::vector<token_id>& out) const;

  const vocabulary& tokens() const { return tokens_; }

 private:
  static constexpr token_id no_token = UINT32_MAX;

  result<void> read_vocabulary(const boost::json::object& model, const std::unordered_set<std::string>& control_tokens);
  result<void> read_merges(const boost::json::object& model);
  token_id find_plain(std::string_view text) const;
  void cut_into_symbols(std::string_view word, bpe_scratch& scratch) const;
  void merge_symbols(bpe_scratch& scratch) const;
  bool append_bytes(std::string_view character, bpe_scratch& scratch) const;

  vocabulary tokens_;
  std::vector<bool> control_;  // by id
  merge_table merges_;
  std::array<token_id, 256> byte_tokens_{};
  token_id unknown_ = no_token;
  bool fuse_unknown_ = false;
  bool byte_fallback_ = false;
  bool ignore_merges_ = false;
};

}  // namespace troupe
