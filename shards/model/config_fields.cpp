#include "shards/model/config_fields.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <sstream>

#include "base/log.hpp"
#include "base/utf8.hpp"

namespace troupe {
namespace {

namespace json = boost::json;

constexpr size_t ids_max = 64;
constexpr size_t value_bytes_max = 80;
constexpr size_t name_bytes_max = 200;

std::string value_text(const config_fields& fields, std::string_view key) {
  const auto* value = fields.find(key);
  return value ? shown(*value) : "absent";
}

template <class T>
result<T> with_value(const config_fields& fields, std::string_view key, result<T> read) {
  if (read) return read;
  return error{errc::corrupt, read.err().message() + ", but is " + value_text(fields, key)};
}

}  // namespace

std::string shown_text(std::string_view text) {
  std::string out = "\"";
  append_json_escaped(out, text.substr(0, name_bytes_max));
  return out + (text.size() > name_bytes_max ? "…\"" : "\"");
}

std::string shown(const json::value& value) {
  std::string text = json::serialize(value);
  if (text.size() <= value_bytes_max) return text;
  text.resize(value_bytes_max);
  text.resize(text.size() - utf8_incomplete_tail(text));
  return text + "…";
}

config_fields::config_fields(const json::object& object, std::string path)
    : object_(object), reader_(object, std::move(path)) {}

std::vector<std::string> config_fields::keys() const {
  std::vector<std::string> out;
  for (const auto& member : object_) {
    if (!member.value().is_null()) out.emplace_back(member.key());
  }
  return out;
}

result<uint32_t> config_fields::size(std::string_view key, int64_t least, int64_t most,
                                     std::optional<uint32_t> otherwise) const {
  if (!find(key)) {
    if (otherwise) return *otherwise;
    return missing(key);
  }
  TROUPE_ASSIGN(auto number, integer(key, 0, least, most));
  return static_cast<uint32_t>(number);
}

result<int64_t> config_fields::integer(std::string_view key, int64_t otherwise, int64_t least, int64_t most) const {
  return with_value(*this, key, reader_.integer(key, otherwise, least, most));
}

result<double> config_fields::number(std::string_view key, double otherwise, double least, double most) const {
  return with_value(*this, key, reader_.number(key, otherwise, least, most));
}

result<bool> config_fields::boolean(std::string_view key, bool otherwise) const {
  return with_value(*this, key, reader_.boolean(key, otherwise));
}

result<std::string> config_fields::string(std::string_view key, std::string otherwise) const {
  return with_value(*this, key, reader_.string(key, std::move(otherwise)));
}

result<std::vector<double>> config_fields::numbers(std::string_view key, size_t count, double least,
                                                   double most) const {
  const auto* value = find(key);
  if (!value) return missing(key);
  std::vector<double> out;
  bool good = value->is_array() && value->get_array().size() == count;
  for (size_t i = 0; good && i < count; ++i) {
    const json::value& element = value->get_array()[i];
    good = element.is_number() && element.to_number<double>() >= least && element.to_number<double>() <= most;
    if (good) out.push_back(element.to_number<double>());
  }
  if (good) return out;
  std::ostringstream must;
  must << "a list of " << count << " numbers from " << least << " to " << most;
  return wrong(key, must.str());
}

result<std::vector<uint32_t>> config_fields::indices(std::string_view key, uint32_t below) const {
  std::vector<uint32_t> out;
  const auto* value = find(key);
  if (!value) return out;
  bool good = value->is_array() && value->get_array().size() <= below;
  for (size_t i = 0; good && i < value->get_array().size(); ++i) {
    const auto index = json_integer(value->get_array()[i]);
    good = index && *index >= 0 && *index < below;
    if (good) out.push_back(static_cast<uint32_t>(*index));
  }
  if (good) return out;
  return wrong(key, "a list of whole numbers below " + std::to_string(below));
}

result<const json::object*> config_fields::object(std::string_view key) const {
  return with_value(*this, key, reader_.object(key));
}

result<std::vector<token_id>> config_fields::token_ids(std::string_view key, uint32_t vocab_size) const {
  std::vector<token_id> ids;
  const auto* value = find(key);
  if (!value) return ids;
  auto add = [&](const json::value& element) {
    auto id = json_integer(element);
    if (!id || *id < 0 || *id >= int64_t{vocab_size} || ids.size() == ids_max) return false;
    ids.push_back(static_cast<token_id>(*id));
    return true;
  };
  bool good = true;
  if (value->is_array()) {
    for (const auto& element : value->get_array()) good = good && add(element);
  } else {
    good = add(*value);
  }
  if (!good) {
    return wrong(key, "an id below vocab_size (" + std::to_string(vocab_size) + ") or a list of at most " +
                          std::to_string(ids_max) + " of them");
  }
  return ids;
}

error config_fields::unsupported(std::string_view key, std::string_view why) const {
  return {errc::not_supported, path_of(key) + " is " + value_text(*this, key) + ": " + std::string(why)};
}

error config_fields::wrong(std::string_view key, std::string_view what) const {
  return {errc::corrupt, path_of(key) + " must be " + std::string(what) + ", but is " + value_text(*this, key)};
}

error config_fields::missing(std::string_view key) const { return {errc::corrupt, path_of(key) + " is missing"}; }

}  // namespace troupe
