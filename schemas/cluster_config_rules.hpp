// What the keys of a configuration must be to each other: the rules that its schema cannot say.
#pragma once

#include <optional>
#include <string>

#include "schemas/cluster_config.hpp"

namespace troupe {

struct config_problem {
  /// The path of the key that is wrong: "deployments[0].hosts[1]".
  std::string key;
  std::string rule;
};

/// The first rule that is broken: names that are used twice, reserved, too long or refer to nothing, more than one
/// gateway, addresses that are taken, ports that other hosts could not know, ranks that do not fit the reduction tree,
/// limits that contradict each other.
std::optional<config_problem> check_cluster_config(const cluster_config& config);

}  // namespace troupe
