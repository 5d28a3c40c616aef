// An error as a value: a code that callers act on, and a detail that people read.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace troupe {

enum class errc : uint8_t {
#define TROUPE_ERROR(code, http_status, openai_type, retryable, sentence) code,
#include "base/errors.def"
#undef TROUPE_ERROR
};

/// The number of codes: a code that came over a wire is valid when it is below this.
inline constexpr uint8_t errc_count = 0
#define TROUPE_ERROR(code, http_status, openai_type, retryable, sentence) +1
#include "base/errors.def"
#undef TROUPE_ERROR
    ;

/// "invalid_argument", as in errors.def.
std::string_view name(errc code);
/// The status that the gateway answers with.
int http_status(errc code);
/// OpenAI's `error.type`.
std::string_view openai_type(errc code);
/// Whether the same request may succeed elsewhere or later: nothing of it was started.
bool retryable(errc code);
/// One sentence for people, where the error has no detail.
std::string_view sentence(errc code);

struct error {
  errc code = errc::internal;
  /// What happened, to which thing, what to do. One line, no end of line.
  std::string detail;

  /// The detail, or the code's sentence when there is none.
  std::string message() const { return detail.empty() ? std::string(sentence(code)) : detail; }

  friend bool operator==(const error&, const error&) = default;
};

/// Puts "`context`: " before the detail, so that an error names the thing it happened to.
error with_context(error e, std::string_view context);

}  // namespace troupe
