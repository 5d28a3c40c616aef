// Whether an answer may be compressed.
#pragma once

#include <string_view>

namespace troupe {

/// Whether an Accept-Encoding (RFC 9110 §12.5.3) allows gzip and does not prefer an answer as it is. What is malformed
/// in it counts as absent.
bool accepts_gzip(std::string_view accept_encoding);

}  // namespace troupe
