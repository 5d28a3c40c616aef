// How Python shows values: str(), repr() and the names of types.
#pragma once

#include <string>
#include <string_view>

#include "shards/chat_template/jinja/heap.hpp"
#include "shards/chat_template/jinja/value.hpp"

namespace troupe::jinja {

/// type(v).__name__ ("str", "dict", "NoneType", ...).
std::string type_name(const value& v);

/// str(v): what printing gives; an undefined value gives nothing. Error: larger than a string may be.
result<std::string> to_text(heap& h, const value& v);
/// repr(v). `depth`: of what is being shown around it.
result<std::string> represent(heap& h, const value& v, size_t depth = 0);

/// jinja2's words for using something that is not there.
value undefined_attribute(const value& of, std::string_view name);
value undefined_element(const value& of, std::string_view key);
/// The first 100 characters, for messages that are kept.
std::string_view shortened(std::string_view text);

}  // namespace troupe::jinja
