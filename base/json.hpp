// JSON that comes from outside: Boost.JSON's values, with the limits and the strictness that its parser lacks, and
// readers that name the member they could not read.
#pragma once

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace troupe {

struct json_limits {
  size_t bytes_max = 4 << 20;
  size_t depth_max = 64;
};

/// For files of a model (a vocabulary of 256 000 words is some 20 MiB).
inline constexpr json_limits file_json_limits{.bytes_max = 256 << 20, .depth_max = 64};

/// Parses one JSON text (RFC 8259), nothing after it but white space. Refused: more than the limits, invalid UTF-8, an
/// object with the same key twice, a number that no double can hold. The error (invalid_argument) says line and column.
result<boost::json::value> parse_json(std::string_view text, json_limits limits = {});

/// Reads and parses a file; errors name it. Errors: io_failed, corrupt.
result<boost::json::value> read_json_file(const std::string& path, json_limits limits = file_json_limits);

/// Reads members of one object. A member that is absent or null gives the default; one of another type, or out of its
/// range, is an error (invalid_argument) that names its path ("stream_options.include_usage must be a boolean").
class json_reader {
 public:
  /// `path` is put before the names of members: "" for the outermost object. The object must outlive the reader.
  explicit json_reader(const boost::json::object& object, std::string path = "");

  /// Whether the member is there and not null.
  bool has(std::string_view key) const;
  /// "path.key"
  std::string path_of(std::string_view key) const;
  /// The member, or nullptr where it is absent or null.
  const boost::json::value* find(std::string_view key) const;

  result<bool> boolean(std::string_view key, bool otherwise) const;
  /// A whole number; 3.0 counts as one.
  result<int64_t> integer(std::string_view key, int64_t otherwise, int64_t least = std::numeric_limits<int64_t>::min(),
                          int64_t most = std::numeric_limits<int64_t>::max()) const;
  result<double> number(std::string_view key, double otherwise, double least = -std::numeric_limits<double>::max(),
                        double most = std::numeric_limits<double>::max()) const;
  result<std::string> string(std::string_view key, std::string otherwise) const;
  /// nullptr where absent or null.
  result<const boost::json::object*> object(std::string_view key) const;
  result<const boost::json::array*> array(std::string_view key) const;

 private:
  error wrong(std::string_view key, std::string_view must) const;

  const boost::json::object& object_;
  std::string path_;
};

/// `value` as a whole number; nothing where it is not one, or no int64_t.
std::optional<int64_t> json_integer(const boost::json::value& value);

}  // namespace troupe
