// A SentencePiece model file (tokenizer.model) as tokenizer.json: for folders of older models, which have nothing else.
// Its format is sentencepiece_model.proto of github.com/google/sentencepiece, as Protocol Buffers write it.
#pragma once

#include <boost/json/object.hpp>
#include <cstddef>
#include <span>
#include <string>

#include "base/result.hpp"

namespace troupe {

struct sentencepiece_model {
  boost::json::object tokenizer_json;
  /// The texts of these tokens; empty where there is none.
  std::string bos_token;
  std::string eos_token;
};

/// Errors: not_supported (Unigram and other kinds than BPE, a normalizer that changes characters or drops white space),
/// corrupt.
result<sentencepiece_model> parse_sentencepiece_model(std::span<const std::byte> file);

}  // namespace troupe
