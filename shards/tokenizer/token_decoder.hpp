// The "decoder" of tokenizer.json: from tokens to text. What happens to a token by itself is done once, at load; what
// depends on its neighbours (bytes that form a character together, the space at the start) is decode_stream's.
#pragma once

#include <boost/json/value.hpp>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.hpp"
#include "base/result.hpp"

namespace troupe {

/// How the pieces of a text become text.
struct decode_rules {
  enum class join : uint8_t {
    text,      // each piece is text
    bytes,     // each piece is bytes (byte-level)
    fallback,  // each piece is text, but for <0xE2> and its like, which are one byte
  };
  join joined = join::text;
  /// Between pieces: what a tokenizer without a decoder does.
  std::string separator;
  /// Of `strip`, so many are dropped from the start of the text and from its end.
  char32_t strip = 0;
  size_t strip_start = 0;
  size_t strip_stop = 0;
};

/// What a token gives to the text.
struct piece {
  std::string text;
  /// One byte of a character, by fallback.
  bool byte = false;
};

/// Immutable; any thread.
class token_decoder {
 public:
  /// ByteLevel, Metaspace, Replace, ByteFallback, Fuse, Strip, Sequence of these, or null. Errors: corrupt,
  /// not_supported.
  static result<token_decoder> parse(const boost::json::value& value);

  /// `plain`: the token is not of the model's vocabulary but was added as text, so it is not written in the alphabet
  /// for bytes. (The Hugging Face library reads it in that alphabet all the same, and gives U+FFFD for an added "üü".)
  /// Errors: invalid_argument when a pattern of the file is too hard for the token.
  result<piece> decode(const std::string& token, bool first, bool plain) const;

  const decode_rules& rules() const { return rules_; }
  /// Whether decode() depends on `first`.
  bool first_differs() const { return first_differs_; }

 private:
  struct reader;

  std::vector<std::function<result<void>(std::string&, bool first)>> steps_;
  decode_rules rules_;
  bool first_differs_ = false;
};

/// One text under way. finish() ends it; all that push() and finish() gave, in order, is the text.
class decode_stream {
 public:
  /// `at_start`: see decode_from. `rules` is kept by reference.
  decode_stream(const decode_rules& rules, bool at_start);

  std::string push(std::string_view piece, bool byte);
  std::string finish();
  /// Whether the next piece is the first of the text.
  bool at_start() const { return at_start_; }

 private:
  std::string join(std::string_view piece, bool byte);
  std::string complete_bytes(bool end);
  std::string strip(std::string text);

  const decode_rules& rules_;
  bool at_start_;
  size_t strip_left_;
  std::string bytes_;     // the start of a character
  std::string stripped_;  // characters that go if the text ends here
  bool separate_;         // a piece was before
};

}  // namespace troupe
