// The body of POST /v1/chat/completions.
#pragma once

#include <string_view>

#include "gateway/api/generation_call.hpp"

namespace troupe {

/// Checks the body, renders the model's chat template and tokenizes it. Errors: invalid_argument and the like, with the
/// parameter.
api_result<generation_call> parse_chat_request(std::string_view body, const call_context& context);

}  // namespace troupe
