// JSON written straight into the text that is sent: an event of a stream is a few hundred bytes, and is made once per
// token.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace troupe {

/// Appends `text` with quotes; bytes that are not UTF-8 become U+FFFD.
void append_json_string(std::string& out, std::string_view text);
/// `null` for an empty text.
void append_json_string_or_null(std::string& out, std::string_view text);
void append_json_integer(std::string& out, int64_t value);
/// The shortest number that reads back as `value`, which is finite.
void append_json_float(std::string& out, float value);
/// The same for a log probability. JSON has no infinities: a log probability of minus infinity, and
/// anything below it, is written as OpenAI writes the very unlikely: -9999.
void append_json_logprob(std::string& out, float value);

}  // namespace troupe
