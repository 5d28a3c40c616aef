// json_reader whose errors say which parameter they are about, as OpenAI's error object wants it.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>

#include "base/json.hpp"
#include "gateway/api/api_error.hpp"

namespace troupe {

class field_reader {
 public:
  /// The object must outlive the reader.
  explicit field_reader(const boost::json::object& object, std::string path = "") : in_(object, std::move(path)) {}

  bool has(std::string_view key) const { return in_.has(key); }
  /// Nullptr where it is absent or null.
  const boost::json::value* find(std::string_view key) const { return in_.find(key); }
  std::string path_of(std::string_view key) const { return in_.path_of(key); }

  // As json_reader's.
  api_result<bool> boolean(std::string_view key, bool otherwise) const;
  api_result<int64_t> integer(std::string_view key, int64_t otherwise, int64_t least, int64_t most) const;
  api_result<std::string> string(std::string_view key, std::string otherwise) const;
  api_result<const boost::json::object*> object(std::string_view key) const;
  api_result<const boost::json::array*> array(std::string_view key) const;
  /// The range is checked before and after the value is rounded to a float.
  api_result<float> number(std::string_view key, float otherwise, float least, float most) const;

  /// Refuses each of these that has an effect: a value other than null, false, 0, "", [] and {}.
  api_result<bool> refuse(std::initializer_list<std::string_view> keys, std::string_view why) const;

 private:
  json_reader in_;
};

/// "array", "an object", ...: what a value is, for error messages.
std::string_view kind_name(const boost::json::value& value);

}  // namespace troupe
