// The process of a gateway + control node: HTTP in front, the actors of architecture.md's "gateway" and "control"
// behind.
#pragma once

#include "actors/node/nodes.hpp"

namespace troupe {

/// Runs the process until its end. Errors: a model that cannot be read, a port in use, a damaged store.
result<int> run_gateway_node(const cluster_config& config, node_arguments arguments);

}  // namespace troupe
