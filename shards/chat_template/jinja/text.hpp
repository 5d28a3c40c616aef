// What Python's str methods do, on plain UTF-8.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::jinja {

/// Without white space at the ends; or, with `characters`, without any of those.
std::string_view stripped_left(std::string_view text);
std::string_view stripped_left(std::string_view text, std::string_view characters);
std::string_view stripped_right(std::string_view text);
std::string_view stripped_right(std::string_view text, std::string_view characters);
inline std::string_view stripped(std::string_view text) { return stripped_left(stripped_right(text)); }
inline std::string_view stripped(std::string_view text, std::string_view characters) {
  return stripped_left(stripped_right(text, characters), characters);
}

/// The first place of `part` at or behind `from`, or npos. Linear in the sizes, unlike string_view::find.
size_t find_part(std::string_view text, std::string_view part, size_t from = 0);

constexpr size_t no_limit = static_cast<size_t>(-1);

/// At most `splits` times; by runs of white space (none at the ends) or by a separator, which must not be empty.
std::vector<std::string_view> split(std::string_view text, size_t splits);
std::vector<std::string_view> split(std::string_view text, std::string_view separator, size_t splits);
/// From the right end.
std::vector<std::string_view> split_right(std::string_view text, size_t splits);
std::vector<std::string_view> split_right(std::string_view text, std::string_view separator, size_t splits);
std::vector<std::string_view> split_lines(std::string_view text, bool keep_ends);

/// How often `part` stands in `text`, without overlaps; an empty part stands before each character and at the end.
size_t count(std::string_view text, std::string_view part);
std::string replaced(std::string_view text, std::string_view old, std::string_view replacement, size_t times);
/// How long replaced() will be, so that it can be refused before it is made.
size_t replaced_size(std::string_view text, std::string_view old, std::string_view replacement, size_t times);

/// Python's repr of a string: quoted, with escapes for what cannot be printed.
std::string in_quotes(std::string_view text);
/// markupsafe.escape: & < > ' " as entities.
std::string escaped(std::string_view text);
/// Without comments and tags, white space collapsed, entities of markupsafe and the numeric ones read.
std::string without_tags(std::string_view text);
/// urllib.parse.quote; `safe` are the characters left alone beside letters, digits and "_.-~".
std::string url_quoted(std::string_view text, std::string_view safe);

}  // namespace troupe::jinja
