// Characters and letter case as Python's str knows them. All text is valid UTF-8; positions and lengths are in bytes
// here unless a name says characters.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace troupe::jinja {

bool is_space(char32_t c);
bool is_alphabetic(char32_t c);
bool is_decimal_digit(char32_t c);
bool is_digit(char32_t c);
bool is_numeric(char32_t c);
bool is_lowercase(char32_t c);
bool is_uppercase(char32_t c);
bool is_titlecase(char32_t c);
bool is_printable(char32_t c);
inline bool is_alphanumeric(char32_t c) {
  return is_alphabetic(c) || is_decimal_digit(c) || is_digit(c) || is_numeric(c);
}
/// Where str.splitlines() ends a line ("\r\n" is one end).
bool is_line_end(char32_t c);

size_t count_characters(std::string_view text);
/// The byte where character `index` starts; text.size() for the one past the last.
size_t byte_of_character(std::string_view text, size_t index);
/// The byte where the character that ends before byte `end` starts. end > 0.
size_t previous_character(std::string_view text, size_t end);

std::string lower(std::string_view text);
std::string upper(std::string_view text);
std::string title(std::string_view text);
std::string capitalize(std::string_view text);
std::string swap_case(std::string_view text);
std::string case_fold(std::string_view text);

}  // namespace troupe::jinja
