#include "shards/tokenizer/component.hpp"

#include <algorithm>

#include "base/utf8.hpp"

namespace troupe {
namespace {

constexpr size_t message_bytes_max = 500;

result<void> visit(const boost::json::value& value, const std::string& path, std::string_view list_key, size_t& count,
                   const std::function<result<void>(const component&)>& each) {
  if (value.is_null()) return {};
  if (!value.is_object()) return {errc::corrupt, path + " must be an object"};
  component c{value.get_object(), "", path};
  TROUPE_ASSIGN(c.type, required_string(c.reader(), "type"));
  // Counted before the Sequence is entered, so that Sequences of Sequences are bounded too.
  if (++count > components_max) {
    return {errc::not_supported,
            path + ": more than " + std::to_string(components_max) + " components are not supported"};
  }
  if (c.type != "Sequence") return each(c);
  TROUPE_TRY(c.allow_only({list_key}));
  TROUPE_ASSIGN(const boost::json::array* list, c.reader().array(list_key));
  if (!list) return {errc::corrupt, c.reader().path_of(list_key) + " is missing"};
  for (size_t i = 0; i < list->size(); ++i) {
    TROUPE_TRY(visit((*list)[i], c.reader().path_of(list_key) + "[" + std::to_string(i) + "]", list_key, count, each));
  }
  return {};
}

}  // namespace

result<void> component::allow_only(std::initializer_list<std::string_view> names) const {
  for (const auto& member : members) {
    if (member.key() != "type" && std::find(names.begin(), names.end(), member.key()) == names.end()) {
      return {errc::not_supported,
              path + " (" + type + "): the member \"" + std::string(member.key()) + "\" is not supported"};
    }
  }
  return {};
}

error component::unknown_type(std::string_view part) const {
  return {errc::not_supported, path + ": " + std::string(part) + " type \"" + type + "\" is not supported"};
}

result<void> for_each_component(const boost::json::value& value, const std::string& path, std::string_view list_key,
                                const std::function<result<void>(const component&)>& each) {
  size_t count = 0;
  return visit(value, path, list_key, count, each);
}

result<void> allow_only(const boost::json::object& object, const std::string& path,
                        std::initializer_list<std::string_view> names) {
  for (const auto& member : object) {
    if (std::find(names.begin(), names.end(), member.key()) == names.end()) {
      return {errc::not_supported,
              (path.empty() ? "" : path + ": ") + "the member \"" + std::string(member.key()) + "\" is not supported"};
    }
  }
  return {};
}

result<std::string> required_string(const json_reader& reader, std::string_view key) {
  if (!reader.has(key)) return {errc::corrupt, reader.path_of(key) + " is missing"};
  return reader.string(key, "");
}

result<int64_t> required_integer(const json_reader& reader, std::string_view key, int64_t least, int64_t most) {
  if (!reader.has(key)) return {errc::corrupt, reader.path_of(key) + " is missing"};
  return reader.integer(key, 0, least, most);
}

result<char32_t> one_character(const std::string& text, const std::string& path) {
  size_t at = 0;
  if (text.empty() || utf8_length(text) != text.size()) return {errc::corrupt, path + " must be one character"};
  return utf8_decode(text, at);
}

error in_one_line(error e) {
  static constexpr char digits[] = "0123456789ABCDEF";
  std::string line;
  for (char c : e.detail.substr(0, message_bytes_max)) {
    auto code = static_cast<unsigned char>(c);
    if (code < 0x20 || code == 0x7F) {
      line += {'\\', 'x', digits[code >> 4], digits[code & 15]};
    } else {
      line += c;
    }
  }
  if (e.detail.size() > message_bytes_max) line += "\u2026";
  // Texts are cut by bytes.
  e.detail = utf8_repaired(line);
  return e;
}

}  // namespace troupe
