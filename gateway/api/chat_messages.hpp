// The conversation of a chat request, as a model's template wants it.
#pragma once

#include <boost/json/array.hpp>
#include <string>
#include <string_view>

#include "gateway/api/api_error.hpp"

namespace troupe {

/// Checks `messages` and gives them in the form that templates read: the role (a developer's message is the system's),
/// the content as one string, and name, tool_calls (with their arguments as an object), tool_call_id and
/// reasoning_content where they are present. Parts of a content are joined by ends of lines.
/// Errors: invalid_argument, also for parts that are not text.
api_result<boost::json::array> normalized_messages(const boost::json::array& messages);

/// `rendered` up to the end of the last message's `content`, so that the model continues it: what the template writes
/// after a message is cut off, and the white space around `content` stays as the template left it. As transformers'
/// continue_final_message. Errors: invalid_argument where the template did not write the content.
api_result<std::string> cut_after_final_message(std::string rendered, std::string_view content);

}  // namespace troupe
