// The tokenizer of a GGUF file (llama.cpp's format), as the tokenizer.json that a Hugging Face model would have.
#pragma once

#include <boost/json/object.hpp>
#include <map>
#include <string>
#include <vector>

#include "shards/tokenizer/llama2c_tokenizer.hpp"

namespace troupe::testing {

struct gguf_vocabulary {
  std::vector<std::string> tokens;
  std::vector<float> scores;
  std::vector<std::string> merges;
  /// 1 normal, 2 unknown, 3 control, 4 user-defined, 5 unused, 6 byte.
  std::vector<int> types;
};

/// Fails the test where the file is not what it should be.
gguf_vocabulary read_gguf_vocabulary(const std::string& path);

/// Byte-level, from tokens and merges; `pre_tokenizer` as in tokenizer.json.
boost::json::object byte_level_json(const gguf_vocabulary& vocabulary, boost::json::object pre_tokenizer);

/// SentencePiece, from tokens and scores.
std::vector<scored_token> scored_tokens(const gguf_vocabulary& vocabulary);

}  // namespace troupe::testing
