// The escapes of a quoted string in a template.
#pragma once

#include <string>
#include <string_view>

#include "base/result.hpp"

namespace troupe::jinja {

/// The string that `text`, what stands between the quotes, means: Python's "unicode-escape". An unknown escape stays as
/// it is. Errors: a cut escape, a character that does not exist, \N{...} (names are not known here).
result<std::string> read_string_literal(std::string_view text);

}  // namespace troupe::jinja
