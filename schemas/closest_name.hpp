// "Did you mean …?": the known name that a mistyped one is nearest to.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace troupe {

/// The candidate that the fewest edits lead to (a letter added, left out, changed, or swapped with its neighbour; case
/// and underscores do not count), if these are at most a third of its letters. `typed` of more than 64 bytes is near to
/// nothing. Damerau 1964, as the optimal string alignment distance.
std::optional<std::string> closest_name(std::string_view typed, const std::vector<std::string>& candidates);

}  // namespace troupe
