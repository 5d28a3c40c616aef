// Numbers as Python reads and writes them.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "shards/chat_template/jinja/value.hpp"

namespace troupe::jinja {

std::string to_text(integer i);
/// In base 2 to 36, lower case, with '-' where negative.
std::string to_text(integer i, unsigned base);
/// Python's repr: the fewest digits that read back as the same number ("1.0", "1e+16", "inf").
std::string to_text(double d);

/// Rounded towards zero; nothing for infinities, NaN and what does not fit.
std::optional<integer> integer_of(double d);

/// int(text, base): white space around, a sign, single '_' between digits, and for bases 0, 2, 8 and 16 a prefix.
/// Nothing where it is not such a number or does not fit.
std::optional<integer> read_integer(std::string_view text, unsigned base);
/// float(text).
std::optional<double> read_real(std::string_view text);

}  // namespace troupe::jinja
