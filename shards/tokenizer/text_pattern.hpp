// A pattern of tokenizer.json, {"String": ...} or {"Regex": ...}: where it matches in a text.
// Regular expressions are ICU's, rewritten where Oniguruma (what the Hugging Face library uses) means something else;
// well-known ones are matched by hand (word_scanner.hpp).
#pragma once

#include <boost/json/value.hpp>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace troupe {

/// Bytes [begin, end) of a text.
struct text_range {
  size_t begin = 0;
  size_t end = 0;
  bool empty() const { return begin == end; }
  friend bool operator==(const text_range&, const text_range&) = default;
};

/// Immutable; any thread. Copies share what was compiled.
class text_pattern {
 public:
  struct compiled;

  /// Errors: corrupt, not_supported (with ICU's reason).
  static result<text_pattern> parse(const boost::json::value& value, const std::string& path);
  static text_pattern literal(std::string text);
  static result<text_pattern> regex(std::string_view regex);
  /// As regex(), but never by hand: for the test that holds the two equal.
  static result<text_pattern> regex_by_icu(std::string_view regex);
  /// What the ByteLevel pre-tokenizer splits with.
  static text_pattern gpt2();

 private:
  friend class pattern_finder;
  explicit text_pattern(std::shared_ptr<const compiled> c) : compiled_(std::move(c)) {}
  std::shared_ptr<const compiled> compiled_;
};

/// Searches texts with one pattern, reusing its buffers. One thread; the pattern is kept alive.
class pattern_finder {
 public:
  explicit pattern_finder(const text_pattern& pattern);
  pattern_finder(pattern_finder&&) noexcept;
  ~pattern_finder();

  /// All matches in `text` (valid UTF-8) in order, without overlap; valid until the next call. The work is bounded by
  /// the length of the text. Errors: invalid_argument when a regular expression needs more.
  result<std::span<const text_range>> find_all(std::string_view text);

 private:
  struct icu_matcher;
  result<void> find_by_icu(std::string_view text);

  std::shared_ptr<const text_pattern::compiled> pattern_;
  std::unique_ptr<icu_matcher> icu_;
  std::vector<text_range> found_;
};

}  // namespace troupe
