// The patterns that nearly every byte-level tokenizer splits text with, written by hand: one pass, no backtracking
// beyond one run of white space, so that no text can make them slow. A test holds them equal to the regular
// expressions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace troupe {

/// How one such pattern differs from the others.
struct word_rules {
  /// 's 't 're 've 'm 'll 'd also as 'S 'T ...
  bool contractions_any_case = false;
  /// Letters take with them one character before, whatever it is but a letter, number or line end; else only a space.
  bool letters_take_any_prefix = false;
  /// Numbers are cut into pieces of this many; 0: not cut, and they take a space before with them.
  uint32_t digits_max = 0;
  /// White space is cut after its last line end, and symbols take the line ends after them.
  bool cut_at_newlines = false;
};

/// GPT-2's: what the ByteLevel pre-tokenizer splits with.
inline constexpr word_rules gpt2_words{};

/// The rules of a regular expression as it stands in tokenizer.json, where it is a well-known one.
std::optional<word_rules> known_word_rules(std::string_view regex);

/// Where the word that begins at `text[at]` ends. `text` is valid UTF-8; `at` < its size, at a character.
size_t next_word(const word_rules& rules, std::string_view text, size_t at);

}  // namespace troupe
