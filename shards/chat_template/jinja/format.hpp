// Python's ways to format: "%5.2f" % x, "{:>5}".format(x), and the number formats that both share.
#pragma once

#include <functional>
#include <string_view>

#include "shards/chat_template/jinja/heap.hpp"
#include "shards/chat_template/jinja/object.hpp"
#include "shards/chat_template/jinja/value.hpp"

namespace troupe::jinja {

/// text % arguments: a tuple, a dict for "%(name)s", or one value.
result<value> format_percent(heap& h, const value& text, const value& arguments);

/// How str.format() looks into a value: (value, name, whether it is an attribute and not an element).
using field_lookup = std::function<result<value>(const value&, const value&, bool)>;
/// text.format(...).
result<value> format_braces(heap& h, const value& text, const arguments& given, const field_lookup& look);

/// format(v, spec): Python's format specification mini-language.
result<std::string> format_value(heap& h, const value& v, std::string_view spec);

/// How one number or text is laid out. Both mini-languages are read into this.
struct layout {
  char32_t fill = ' ';
  char align = 0;  // '<', '>', '^', '=' or 0 for the type's own
  char sign = '-';
  bool alternate = false, zero = false;
  char grouping = 0;  // ',' or '_'
  size_t width = 0;
  std::optional<size_t> precision;
  char type = 0;
};
/// The widest field and the most digits: more is refused.
constexpr size_t precision_max = 1000;

/// Digits of |d| in one of the types e E f F g G %, without sign.
std::string real_digits(double d, const layout& how);
/// `sign` and `digits` (with a prefix like "0x" in `sign`), grouped and padded to the width.
result<std::string> padded_number(heap& h, const std::string& sign, std::string digits, const layout& how);
result<std::string> padded_text(heap& h, std::string text, const layout& how);

}  // namespace troupe::jinja
