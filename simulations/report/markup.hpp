// Texts inside HTML and SVG.
#pragma once

#include <string>
#include <string_view>

namespace troupe::simulation {

/// As character data or as an attribute's value in quotes: whatever is in it, it is shown and never read as markup.
std::string html_escaped(std::string_view text);

/// At most so many characters, the last an ellipsis where some are missing.
std::string shortened(std::string_view text, size_t characters_max);

}  // namespace troupe::simulation
