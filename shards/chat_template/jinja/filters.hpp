// The filters (x|name) and tests (x is name).
#pragma once

#include <string_view>
#include <vector>

#include "shards/chat_template/jinja/interpreter.hpp"

namespace troupe::jinja {

using filter = result<value> (*)(interpreter& run, const value& input, arguments&& given);
using test = result<bool> (*)(interpreter& run, const value& input, arguments&& given);

/// nullptr where there is none of that name.
filter find_filter(std::string_view name);
test find_test(std::string_view name);
inline bool filter_exists(std::string_view name) { return find_filter(name) != nullptr; }
inline bool test_exists(std::string_view name) { return find_test(name) != nullptr; }

// The parts that find_filter() joins.
filter find_text_filter(std::string_view name);
filter find_number_filter(std::string_view name);
filter find_sequence_filter(std::string_view name);
filter find_sorting_filter(std::string_view name);
filter find_choosing_filter(std::string_view name);

struct named_filter {
  std::string_view name;
  filter apply;
};

/// Looks up "a.b.0" step by step: elements before attributes, digits as numbers. `attribute` may also be one integer or
/// None. `otherwise`: instead of what is not there; missing for none.
result<value> look_up(interpreter& run, const value& of, const value& attribute, const value& otherwise = {});

/// Lower case where it is a string and case does not matter.
result<value> case_folded(interpreter& run, const value& v, bool case_sensitive);

/// json.dumps(v, ensure_ascii, indent, separators, sort_keys).
struct json_style {
  bool ascii = false, sort_keys = false;
  std::optional<std::string> indent;  // of one level
  std::string item_separator = ", ", key_separator = ": ";
};
result<std::string> to_json(heap& h, const value& v, const json_style& style);

}  // namespace troupe::jinja
