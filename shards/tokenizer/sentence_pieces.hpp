// Turns a vocabulary of SentencePiece's BPE kind into the tokenizer.json of the same tokens.
//
// SentencePiece merges, again and again, the leftmost pair of neighbours whose joined text is the piece with the
// highest score. tokenizer.json knows ranked pairs instead of scores, so every way to put a piece together from two
// others becomes a merge, in the order of the scores.
#pragma once

#include <boost/json/object.hpp>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "base/ids.hpp"
#include "base/result.hpp"

namespace troupe {

/// In the numbers of sentencepiece_model.proto (SentencePiece.Type), which GGUF has taken over.
enum class piece_kind : uint8_t { normal = 1, unknown, control, user_defined, unused, byte };

/// The kind of a number; nothing where it is none.
std::optional<piece_kind> piece_kind_of(int64_t number);

struct sentence_piece {
  /// Spaces are U+2581. A byte is called <0x0A>.
  std::string text;
  float score = 0;
  piece_kind kind = piece_kind::normal;
};

struct sentence_piece_rules {
  /// A space is put before every text, and dropped again when decoding.
  bool space_before_text = true;
  /// Stands for what the vocabulary cannot express.
  std::optional<token_id> unknown = {};
};

/// Entry i is the token i; an unused one does not exist. Control and unknown pieces become control tokens, those of the
/// user are found in text before it is cut into words. No bos: that is for what stands beside the vocabulary to say.
/// Errors: corrupt; names the token.
result<boost::json::object> tokenizer_json_from_pieces(std::span<const sentence_piece> pieces,
                                                       const sentence_piece_rules& rules);

/// An entry of "added_tokens".
boost::json::object added_token_json(token_id id, std::string_view content, bool special);

}  // namespace troupe
