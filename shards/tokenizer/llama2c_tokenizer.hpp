// Turns the tokenizer.bin of a llama2.c checkpoint into the tokenizer.json of the same vocabulary: its run.c (encode)
// merges as SentencePiece does (sentence_pieces.hpp).
#pragma once

#include <boost/json/object.hpp>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "base/result.hpp"

namespace troupe {

/// A token of a SentencePiece vocabulary; spaces are plain, not U+2581.
struct scored_token {
  std::string text;
  float score = 0;
};

/// `file`: int32 max_token_length, then for each of `vocab_size` tokens float32 score, int32 length, bytes;
/// little-endian. 0 is <unk>, 1 <s>, 2 </s>, 3..258 the bytes <0x00>..<0xFF>. A token has at most 1024 bytes.
/// Errors: corrupt.
result<boost::json::object> tokenizer_json_from_llama2c(std::span<const std::byte> file, uint32_t vocab_size);

/// The same from the tokens; entry i is the token i. Errors: corrupt.
result<boost::json::object> tokenizer_json_from_scores(std::span<const scored_token> tokens);

}  // namespace troupe
