// The methods of strings, dicts, lists, tuples, ranges and numbers that a template may call.
#pragma once

#include <string_view>

#include "shards/chat_template/jinja/interpreter.hpp"

namespace troupe::jinja {

using method_function = result<value> (*)(interpreter& run, const value& self, arguments&& given);

/// nullptr where the value has no such method here.
method_function find_method(const value& self, std::string_view name);
/// Of a string: those that make strings, and those that look.
method_function find_text_method(std::string_view name);
method_function find_text_question(std::string_view name);

/// For replaced() on such a text: its steps, and that the result fits.
result<void> spend_replacing(heap& h, std::string_view text, std::string_view old, std::string_view replacement,
                             size_t times);

/// Whether Python's type has the method and the sandbox refuses it, because it changes the value or is private.
bool is_unsafe(const value& self, std::string_view name);

}  // namespace troupe::jinja
