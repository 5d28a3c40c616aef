// Content-Type, as far as a request's body is concerned.
#pragma once

#include <string_view>

namespace troupe {

/// Whether it is application/json, with any parameters but a charset other than UTF-8. Nothing at all is not: a browser
/// may send such a request to another origin without asking it first.
bool is_json_media_type(std::string_view content_type);

}  // namespace troupe
