// What kind of character one is, by Unicode's properties (from ICU).
#pragma once

#include <cstdint>

namespace troupe {

/// The kinds that the patterns of byte-level tokenizers tell apart: \p{L}, \p{N}, [\r\n], the rest of \s, and all else.
enum class char_kind : uint8_t { letter, number, newline, space, other };

char_kind kind_of(char32_t c);

/// White_Space, as \s.
bool is_space(char32_t c);
/// \w of the Rust regex crate: Alphabetic, marks, decimal digits, connector punctuation, joiners.
bool is_word_character(char32_t c);
/// Categories Nd, Nl and No.
bool is_number(char32_t c);
/// Category P, or one of ASCII's symbols that are printed as punctuation ($+<=>^`|~).
bool is_punctuation(char32_t c);
/// Category M: combining marks.
bool is_mark(char32_t c);

}  // namespace troupe
