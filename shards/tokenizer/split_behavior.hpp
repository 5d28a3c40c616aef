// What becomes of the places where a split pattern matches: the five behaviours of the Hugging Face library.
#pragma once

#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "shards/tokenizer/text_pattern.hpp"

namespace troupe {

enum class split_behavior : uint8_t {
  removed,               // the matches are dropped
  isolated,              // each match is a piece
  merged_with_previous,  // each match goes to the end of the piece before it
  merged_with_next,      // each match goes to the start of the piece after it
  contiguous             // matches that touch are one piece
};

/// "Removed", "Isolated", ... as in tokenizer.json.
std::optional<split_behavior> split_behavior_named(std::string_view name);

/// Appends the pieces of a text of `size` bytes that `matches` (in order, apart) split it into; none is empty.
/// `invert`: what lies between the matches is taken for the matches.
void split_at(std::span<const text_range> matches, size_t size, split_behavior behavior, bool invert,
              std::vector<text_range>& pieces);

}  // namespace troupe
