// Reading the JSON files of a model folder: base/json.hpp's reader, with errors that are about a file (corrupt,
// not_supported) and show the value, which nobody but its author has seen.
#pragma once

#include <boost/json/fwd.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.hpp"
#include "base/json.hpp"
#include "base/result.hpp"

namespace troupe {

/// Text from a file as part of a message: in quotes, escaped, no longer than one wants to read.
std::string shown_text(std::string_view text);
/// The same for a JSON value.
std::string shown(const boost::json::value& value);

/// The members of one object of a configuration file. A member that is null counts as absent.
class config_fields {
 public:
  explicit config_fields(const boost::json::object& object, std::string path = "");

  const boost::json::value* find(std::string_view key) const { return reader_.find(key); }
  /// Whether it is there, if only as null: what says "none" where an absent key has a default.
  bool given(std::string_view key) const { return object_.if_contains(key) != nullptr; }
  /// Of all members that are not null.
  std::vector<std::string> keys() const;
  std::string path_of(std::string_view key) const { return reader_.path_of(key); }

  /// A whole number in [least, most]; it must be there unless `otherwise` is given.
  result<uint32_t> size(std::string_view key, int64_t least, int64_t most,
                        std::optional<uint32_t> otherwise = {}) const;
  result<int64_t> integer(std::string_view key, int64_t otherwise, int64_t least, int64_t most) const;
  result<double> number(std::string_view key, double otherwise, double least, double most) const;
  result<bool> boolean(std::string_view key, bool otherwise) const;
  result<std::string> string(std::string_view key, std::string otherwise) const;
  /// A list of `count` numbers, each in [least, most]; it must be there.
  result<std::vector<double>> numbers(std::string_view key, size_t count, double least, double most) const;
  /// nullptr where absent.
  result<const boost::json::object*> object(std::string_view key) const;
  /// A list of whole numbers below `below`, at most as many; empty where absent.
  result<std::vector<uint32_t>> indices(std::string_view key, uint32_t below) const;
  /// One id or a list of at most 64 (a model has a handful of tokens that end an answer), all below `vocab_size`;
  /// empty where absent.
  result<std::vector<token_id>> token_ids(std::string_view key, uint32_t vocab_size) const;

  /// not_supported: "rope_scaling.type is "yarn": `why`".
  error unsupported(std::string_view key, std::string_view why) const;
  /// corrupt: "head_dim must be `what`, but is 3".
  error wrong(std::string_view key, std::string_view what) const;
  error missing(std::string_view key) const;

 private:
  const boost::json::object& object_;
  json_reader reader_;
};

}  // namespace troupe
