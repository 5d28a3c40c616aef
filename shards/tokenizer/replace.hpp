// Replacing what a pattern matches, with a bound: normalizers and decoders share it.
#pragma once

#include <string>
#include <string_view>

#include "base/result.hpp"
#include "shards/tokenizer/text_pattern.hpp"

namespace troupe {

/// `text` with `content` (taken literally) in place of each match. Errors: invalid_argument when the pattern is too
/// hard for the text or the result would be longer than `bytes_max`.
result<std::string> replace_all(pattern_finder& finder, std::string_view text, std::string_view content,
                                size_t bytes_max);

}  // namespace troupe
