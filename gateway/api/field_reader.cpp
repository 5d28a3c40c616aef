#include "gateway/api/field_reader.hpp"

#include <limits>

namespace troupe {
namespace {

namespace json = boost::json;

template <class T>
api_result<T> about(std::string param, result<T> read) {
  if (read) return std::move(read).value();
  return api_error(std::move(read).err(), std::move(param), "invalid_value");
}

bool has_no_effect(const json::value& value) {
  switch (value.kind()) {
    case json::kind::null: return true;
    case json::kind::bool_: return !value.get_bool();
    case json::kind::string: return value.get_string().empty();
    case json::kind::array: return value.get_array().empty();
    case json::kind::object: return value.get_object().empty();
    default: return value.to_number<double>() == 0;
  }
}

}  // namespace

api_result<bool> field_reader::boolean(std::string_view key, bool otherwise) const {
  return about(path_of(key), in_.boolean(key, otherwise));
}

api_result<int64_t> field_reader::integer(std::string_view key, int64_t otherwise, int64_t least, int64_t most) const {
  return about(path_of(key), in_.integer(key, otherwise, least, most));
}

api_result<std::string> field_reader::string(std::string_view key, std::string otherwise) const {
  return about(path_of(key), in_.string(key, std::move(otherwise)));
}

api_result<const json::object*> field_reader::object(std::string_view key) const {
  return about(path_of(key), in_.object(key));
}

api_result<const json::array*> field_reader::array(std::string_view key) const {
  return about(path_of(key), in_.array(key));
}

api_result<float> field_reader::number(std::string_view key, float otherwise, float least, float most) const {
  auto read = in_.number(key, double{otherwise}, double{least}, double{most});
  if (!read) return api_error(std::move(read).err(), path_of(key), "invalid_value");
  return static_cast<float>(*read);
}

api_result<bool> field_reader::refuse(std::initializer_list<std::string_view> keys, std::string_view why) const {
  for (auto key : keys) {
    const auto* value = find(key);
    if (value && !has_no_effect(*value)) return unsupported(path_of(key), why);
  }
  return true;
}

std::string_view kind_name(const json::value& value) {
  switch (value.kind()) {
    case json::kind::null: return "null";
    case json::kind::bool_: return "a boolean";
    case json::kind::string: return "a string";
    case json::kind::array: return "an array";
    case json::kind::object: return "an object";
    default: return "a number";
  }
}

}  // namespace troupe
