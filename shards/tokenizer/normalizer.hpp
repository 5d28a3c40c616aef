// The "normalizer" of tokenizer.json: what happens to text before it is split into words.
#pragma once

#include <boost/json/value.hpp>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace troupe {

/// Immutable; any thread.
class normalizer {
 public:
  /// Sequence, Prepend, Replace, NFC, NFD, NFKC, NFKD, Lowercase, StripAccents, Strip, or null.
  /// Errors: corrupt, not_supported.
  static result<normalizer> parse(const boost::json::value& value);

  /// Errors: invalid_argument when the text grows beyond bounds or is too hard for a pattern.
  result<std::string> apply(std::string_view text) const;

  /// Whether apply() changes nothing.
  bool empty() const { return steps_.empty(); }

 private:
  std::vector<std::function<result<void>(std::string&)>> steps_;
};

}  // namespace troupe
