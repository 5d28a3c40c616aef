#include "base/json.hpp"

#include <algorithm>
#include <boost/json/basic_parser_impl.hpp>
#include <boost/json/value_stack.hpp>
#include <cmath>
#include <sstream>
#include <vector>

#include "base/log.hpp"
#include "base/read_file.hpp"
#include "base/utf8.hpp"

namespace troupe {
namespace {

namespace json = boost::json;

constexpr size_t shown_key_bytes_max = 200;

// Builds a value, and refuses an object that names a member twice.
struct strict_handler {
  static constexpr size_t max_object_size = std::numeric_limits<size_t>::max();
  static constexpr size_t max_array_size = std::numeric_limits<size_t>::max();
  static constexpr size_t max_key_size = std::numeric_limits<size_t>::max();
  static constexpr size_t max_string_size = std::numeric_limits<size_t>::max();

  using code = json::error_code&;
  using text = json::string_view;

  bool on_document_begin(code) {
    stack.reset();
    return true;
  }
  bool on_document_end(code) { return true; }
  bool on_object_begin(code) {
    keys.emplace_back();
    return true;
  }
  bool on_object_end(size_t size, code ec) {
    auto& names = keys.back();
    std::sort(names.begin(), names.end());
    if (auto twice = std::adjacent_find(names.begin(), names.end()); twice != names.end()) {
      duplicate = *twice;
      ec = json::error::syntax;
      return false;
    }
    keys.pop_back();
    stack.push_object(size);
    return true;
  }
  bool on_array_begin(code) { return true; }
  bool on_array_end(size_t size, code) {
    stack.push_array(size);
    return true;
  }
  bool on_key_part(text part, size_t, code) {
    key.append(part.data(), part.size());
    stack.push_chars(part);
    return true;
  }
  bool on_key(text part, size_t, code) {
    key.append(part.data(), part.size());
    keys.back().push_back(std::move(key));
    key.clear();
    stack.push_key(part);
    return true;
  }
  bool on_string_part(text part, size_t, code) {
    stack.push_chars(part);
    return true;
  }
  bool on_string(text part, size_t, code) {
    stack.push_string(part);
    return true;
  }
  bool on_number_part(text, code) { return true; }
  bool on_int64(int64_t value, text, code) {
    stack.push_int64(value);
    return true;
  }
  bool on_uint64(uint64_t value, text, code) {
    stack.push_uint64(value);
    return true;
  }
  bool on_double(double value, text, code ec) {
    if (!std::isfinite(value)) {
      ec = json::error::exponent_overflow;
      return false;
    }
    stack.push_double(value);
    return true;
  }
  bool on_bool(bool value, code) {
    stack.push_bool(value);
    return true;
  }
  bool on_null(code) {
    stack.push_null();
    return true;
  }
  bool on_comment_part(text, code) { return true; }
  bool on_comment(text, code) { return true; }

  json::value_stack stack;
  std::vector<std::vector<std::string>> keys;
  std::string key;
  std::string duplicate;
};

std::string where(std::string_view text, size_t at) {
  at = std::min(at, text.size());
  auto before = text.substr(0, at);
  auto line = 1 + std::count(before.begin(), before.end(), '\n');
  auto line_start = before.rfind('\n');
  auto column = 1 + (line_start == std::string_view::npos ? at : at - line_start - 1);
  return "line " + std::to_string(line) + ", column " + std::to_string(column);
}

}  // namespace

result<json::value> parse_json(std::string_view text, json_limits limits) {
  if (text.size() > limits.bytes_max) {
    return {errc::payload_too_large, "the JSON text has " + std::to_string(text.size()) + " bytes, at most " +
                                         std::to_string(limits.bytes_max) + " are accepted"};
  }
  // The parser would say "syntax error".
  for (size_t at = 0; at < text.size();) {
    size_t length = static_cast<unsigned char>(text[at]) < 0x80 ? 1 : utf8_length(text.substr(at));
    if (length == 0) return {errc::invalid_argument, "invalid JSON at " + where(text, at) + ": not UTF-8"};
    at += length;
  }
  json::parse_options options;
  options.max_depth = limits.depth_max;
  json::basic_parser<strict_handler> parser(options);
  json::error_code ec;
  size_t consumed = parser.write_some(false, text.data(), text.size(), ec);
  auto& handler = parser.handler();
  if (!ec && consumed < text.size()) {
    return {errc::invalid_argument, "invalid JSON at " + where(text, consumed) + ": something follows the value"};
  }
  if (!ec && !parser.done()) ec = json::error::incomplete;
  if (!handler.duplicate.empty()) {
    std::string name;
    append_json_escaped(name, std::string_view(handler.duplicate).substr(0, shown_key_bytes_max));
    return {errc::invalid_argument,
            "invalid JSON before " + where(text, consumed) + ": the key \"" + name + "\" occurs twice in one object"};
  }
  if (ec == json::error::too_deep) {
    return {errc::invalid_argument, "invalid JSON at " + where(text, consumed) + ": nested deeper than " +
                                        std::to_string(limits.depth_max) + " levels"};
  }
  if (ec) return {errc::invalid_argument, "invalid JSON at " + where(text, consumed) + ": " + ec.message()};
  return handler.stack.release();
}

result<json::value> read_json_file(const std::string& path, json_limits limits) {
  TROUPE_ASSIGN(std::string text, read_file(path, limits.bytes_max));
  auto value = parse_json(text, limits);
  if (!value) return error{errc::corrupt, path + ": " + value.err().message()};
  return value;
}

std::optional<int64_t> json_integer(const json::value& value) {
  if (value.is_int64()) return value.get_int64();
  if (value.is_double()) {
    double d = value.get_double();
    // 2^63 is the first double beyond int64_t.
    if (d == std::floor(d) && d >= -9223372036854775808.0 && d < 9223372036854775808.0) return static_cast<int64_t>(d);
  }
  return std::nullopt;
}

json_reader::json_reader(const json::object& object, std::string path) : object_(object), path_(std::move(path)) {}

std::string json_reader::path_of(std::string_view key) const {
  return path_.empty() ? std::string(key) : path_ + "." + std::string(key);
}

const json::value* json_reader::find(std::string_view key) const {
  const json::value* value = object_.if_contains(key);
  return value && !value->is_null() ? value : nullptr;
}

bool json_reader::has(std::string_view key) const { return find(key) != nullptr; }

error json_reader::wrong(std::string_view key, std::string_view must) const {
  return {errc::invalid_argument, path_of(key) + " must be " + std::string(must)};
}

result<bool> json_reader::boolean(std::string_view key, bool otherwise) const {
  const auto* value = find(key);
  if (!value) return otherwise;
  if (!value->is_bool()) return wrong(key, "a boolean");
  return value->get_bool();
}

result<int64_t> json_reader::integer(std::string_view key, int64_t otherwise, int64_t least, int64_t most) const {
  const auto* value = find(key);
  if (!value) return otherwise;
  auto number = json_integer(*value);
  if (!number) return wrong(key, "a whole number");
  if (*number < least || *number > most) {
    if (most == std::numeric_limits<int64_t>::max()) return wrong(key, "at least " + std::to_string(least));
    return wrong(key, "from " + std::to_string(least) + " to " + std::to_string(most));
  }
  return *number;
}

result<double> json_reader::number(std::string_view key, double otherwise, double least, double most) const {
  const auto* value = find(key);
  if (!value) return otherwise;
  if (!value->is_number()) return wrong(key, "a number");
  auto number = value->to_number<double>();
  if (number < least || number > most) {
    std::ostringstream range;
    range << "from " << least << " to " << most;
    return wrong(key, range.str());
  }
  return number;
}

result<std::string> json_reader::string(std::string_view key, std::string otherwise) const {
  const auto* value = find(key);
  if (!value) return otherwise;
  if (!value->is_string()) return wrong(key, "a string");
  return std::string(value->get_string());
}

result<const json::object*> json_reader::object(std::string_view key) const {
  const auto* value = find(key);
  if (!value) return static_cast<const json::object*>(nullptr);
  if (!value->is_object()) return wrong(key, "an object");
  return &value->get_object();
}

result<const json::array*> json_reader::array(std::string_view key) const {
  const auto* value = find(key);
  if (!value) return static_cast<const json::array*>(nullptr);
  if (!value->is_array()) return wrong(key, "an array");
  return &value->get_array();
}

}  // namespace troupe
