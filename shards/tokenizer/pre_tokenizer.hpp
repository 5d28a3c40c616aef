// The "pre_tokenizer" of tokenizer.json: splits normalized text into the words that are merged one by one.
#pragma once

#include <boost/json/value.hpp>
#include <functional>
#include <string>
#include <vector>

#include "base/result.hpp"

namespace troupe {

/// A text and the words it is split into.
struct split_text {
  struct word {
    size_t begin = 0;  // bytes of `text`
    size_t end = 0;
    /// Begins where the whole text given to the tokenizer begins.
    bool first = false;
  };
  std::string text;
  std::vector<word> words;  // in order, none empty
};

/// Immutable; any thread.
class pre_tokenizer {
 public:
  /// Sequence, ByteLevel, Split, Digits, Punctuation, Whitespace, WhitespaceSplit, Metaspace, or null.
  /// Errors: corrupt, not_supported.
  static result<pre_tokenizer> parse(const boost::json::value& value);

  /// `first`: whether `text` begins the text given to the tokenizer. Errors: invalid_argument (too hard for a pattern).
  result<split_text> apply(std::string text, bool first) const;

 private:
  std::vector<std::function<result<void>(split_text&)>> steps_;
};

}  // namespace troupe
