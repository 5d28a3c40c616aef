// How times, fields and names read, in the timeline as on the page. Nothing here depends on a locale.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "simulations/world/history.hpp"

namespace troupe::simulation {

/// "12.345": seconds, whole milliseconds.
std::string seconds_text(duration of);

/// "process=m-g0-r1 why=\"a text with spaces\""; one line, whatever is in it.
std::string fields_text(const event& of);

/// "3 requests", "1 request"
std::string counted(uint64_t number, std::string_view what);

/// "a, b"
std::string joined(const std::vector<std::string>& texts, std::string_view between);

/// Digits, at least one.
bool is_number(std::string_view text);

/// "m-g2" is before "m-g10".
bool natural_less(std::string_view a, std::string_view b);

}  // namespace troupe::simulation
