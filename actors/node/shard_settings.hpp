// What a deployment's configuration means for one rank's shard.
#pragma once

#include "schemas/cluster_config.hpp"
#include "shards/engine/shard.hpp"

namespace troupe {

/// Errors: invalid_argument (an unknown backend).
result<shard_config> shard_config_of(const deployment_config& deployment, uint32_t rank);

}  // namespace troupe
