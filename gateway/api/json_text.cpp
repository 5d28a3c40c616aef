#include "gateway/api/json_text.hpp"

#include <charconv>
#include <cmath>

#include "base/check.hpp"
#include "base/log.hpp"

namespace troupe {

void append_json_string(std::string& out, std::string_view text) {
  out += '"';
  append_json_escaped(out, text);
  out += '"';
}

void append_json_string_or_null(std::string& out, std::string_view text) {
  if (text.empty()) {
    out += "null";
  } else {
    append_json_string(out, text);
  }
}

void append_json_integer(std::string& out, int64_t value) {
  char digits[24];
  auto end = std::to_chars(digits, digits + sizeof digits, value).ptr;
  out.append(digits, end);
}

void append_json_logprob(std::string& out, float value) {
  if (!(value > -9999.0F)) value = -9999.0F;  // NaN too.
  if (value > 9999.0F) value = 9999.0F;
  append_json_float(out, value);
}

void append_json_float(std::string& out, float value) {
  TROUPE_CHECK(std::isfinite(value));
  char digits[32];
  auto written = std::to_chars(digits, digits + sizeof digits, value);
  TROUPE_CHECK(written.ec == std::errc{});
  out.append(digits, written.ptr);
}

}  // namespace troupe
