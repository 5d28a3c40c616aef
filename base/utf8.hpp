// UTF-8 as RFC 3629 defines it: no overlong forms, no surrogates, nothing above U+10FFFF.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace troupe {

/// The length in bytes of the character that `text` starts with; 0 when it is not valid or cut short.
size_t utf8_length(std::string_view text);

/// Whether all of `text` is valid.
bool is_utf8(std::string_view text);

/// The bytes at the end of `text` that begin a character which more bytes could complete (0 to 3).
/// What a stream must hold back so that it never sends half a character.
size_t utf8_incomplete_tail(std::string_view text);

/// `text` with each maximal invalid part replaced by U+FFFD, as Unicode recommends (§3.9, "U+FFFD substitution of
/// maximal subparts").
std::string utf8_repaired(std::string_view text);

/// Decodes the character at `text[at]`, which must be valid, and moves `at` past it.
char32_t utf8_decode(std::string_view text, size_t& at);

/// Appends a character; `c` must be a Unicode scalar value.
void utf8_append(std::string& out, char32_t c);

}  // namespace troupe
