// How byte-level vocabularies split a text into words, by the names that GGUF files give it (tokenizer.ggml.pre). The
// file has the name alone, so the rules of each are here, as the models' own tokenizer.json have them. To add one: an
// entry in word_splits.cpp.
#pragma once

#include <boost/json/object.hpp>
#include <optional>
#include <string>
#include <string_view>

namespace troupe {

struct word_split {
  /// "pre_tokenizer" and "normalizer" of tokenizer.json.
  boost::json::value pre_tokenizer;
  boost::json::value normalizer;
  /// A word that is a token is not merged again.
  bool ignore_merges = false;
  /// Texts begin with bos, unless the file says otherwise.
  bool add_bos = false;
};

/// Nothing where the name is not known.
std::optional<word_split> word_split_named(std::string_view name);

/// "gpt-2, llama-bpe, ..."
std::string known_word_splits();

}  // namespace troupe
