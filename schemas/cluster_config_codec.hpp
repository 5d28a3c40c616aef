// From a YAML file to a cluster_config. The file is walked against cluster_config.capnp, so that every key, type and
// range is written down once, in the schema; what the schema cannot say is in cluster_config_rules.hpp.
//
// The first thing that is wrong refuses the whole file, in one line:
//   cluster.yaml:12:5: deployments[0].tensorParalel: unknown key; did you mean tensorParallel?
#pragma once

#include <string>
#include <string_view>

#include "base/result.hpp"
#include "schemas/cluster_config.hpp"

namespace troupe {

/// A configuration is refused beyond this size.
inline constexpr size_t cluster_config_bytes_max = 1 << 20;

/// The bytes of a file. Errors: those of read_file(); it names the path.
result<std::string> read_cluster_config(const std::string& path);

/// Reads and parses a file. Paths of models come back absolute. Errors: those of read_file(), invalid_argument.
result<cluster_config> load_cluster_config(const std::string& path);

/// The same from a text. `file_name` is for messages, and its folder is what paths of models are relative to.
/// Refused (invalid_argument, "file:line:column: key: rule"): text that is not UTF-8 or not YAML, aliases, anchors and
/// tags, a key that is unknown or occurs twice, a value of another type or out of its range, a required key that is
/// missing, whatever check_cluster_config refuses.
result<cluster_config> parse_cluster_config(std::string_view yaml, std::string_view file_name);

/// Every key with its unit, default, range and meaning, as Markdown: docs/configuration.md.
std::string describe_cluster_config();

}  // namespace troupe
