// Reading the parts of tokenizer.json: each is null, one component {"type": ..., its members}, or a Sequence of them.
// A type or a member that is not known is an error, so that nothing in the file goes without effect unseen.
#pragma once

#include <boost/json/object.hpp>
#include <functional>
#include <initializer_list>
#include <string>
#include <string_view>

#include "base/json.hpp"
#include "base/result.hpp"

namespace troupe {

/// One component: its type, its members, and its path in the file ("pre_tokenizer.pretokenizers[1]") for errors.
struct component {
  const boost::json::object& members;
  std::string type;
  std::string path;

  json_reader reader() const { return json_reader(members, path); }
  /// Refuses members other than "type" and these.
  result<void> allow_only(std::initializer_list<std::string_view> names) const;
  /// The error for a type that the part called `part` does not know. Code: not_supported.
  error unknown_type(std::string_view part) const;
};

/// The most components that one part may have: each is a pass over every text.
inline constexpr size_t components_max = 64;

/// Calls `each` for the components of `value` in order; null has none, a Sequence gives those in its `list_key`.
result<void> for_each_component(const boost::json::value& value, const std::string& path, std::string_view list_key,
                                const std::function<result<void>(const component&)>& each);

/// Refuses members of `object` other than these. Code: not_supported.
result<void> allow_only(const boost::json::object& object, const std::string& path,
                        std::initializer_list<std::string_view> names);

/// A member that must be there. Code: corrupt.
result<std::string> required_string(const json_reader& reader, std::string_view key);
result<int64_t> required_integer(const json_reader& reader, std::string_view key, int64_t least, int64_t most);

/// The one character that `text` consists of. Code: corrupt.
result<char32_t> one_character(const std::string& text, const std::string& path);

/// An error as one line that can be read, whatever the texts are that it quotes from a file: control characters are
/// escaped, the rest is cut off.
error in_one_line(error e);

}  // namespace troupe
