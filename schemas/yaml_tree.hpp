// YAML text as a small tree that knows where everything stands, with the limits that yaml-cpp lacks. Only the plain
// part of YAML is taken: one document of mappings, sequences and scalars. Aliases (a few lines of them expand to
// billions of nodes), anchors and tags are refused.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace troupe {

/// Counted from 1, as editors do.
struct text_position {
  uint32_t line = 1;
  uint32_t column = 1;
};

struct yaml_node {
  enum class kind : uint8_t { null, scalar, sequence, mapping };

  kind is = kind::null;
  text_position at;
  /// Of a scalar.
  std::string text;
  /// A scalar without quotes: only such a one may be a number.
  bool plain = false;
  /// Of a mapping: keys[i] belongs to items[i]; all scalars, each once.
  std::vector<yaml_node> keys;
  /// Of a mapping or a sequence.
  std::vector<yaml_node> items;
};

struct yaml_limits {
  size_t bytes_max = 1 << 20;
  size_t depth_max = 16;
};

/// "a mapping", "a list", "a text", "nothing"
std::string_view name(yaml_node::kind kind);

/// The whole text; an empty one is a null. The error (invalid_argument) is "line:column: what is wrong".
result<yaml_node> parse_yaml(std::string_view text, yaml_limits limits = {});

/// Where the node of a path like "deployments[0].hosts[1]" stands: of a mapping's member, its key. The nearest ancestor
/// where the text has no such node.
text_position find_position(const yaml_node& root, std::string_view path);

/// `text` for a message: in quotes, on one line, cut short when it is long.
std::string in_quotes(std::string_view text);

}  // namespace troupe
