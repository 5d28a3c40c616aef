// The rows of a step that embeddings are made of, added up. Pure.
#pragma once

#include <vector>

#include "actors/seams/compute.hpp"
#include "shards/engine/shard.hpp"

namespace troupe {

/// Whether the pooling tasks are those of the sequences that want rows, in their order. Before the step, so that a
/// request which is refused has changed nothing. Errors: invalid_argument, naming the sequence.
result<void> check_pooling(const step_request& request);

/// What step_result::pooled is to be. `led` is rank 0's, which has just run this request's plan; the request has passed
/// check_pooling().
std::vector<std::vector<double>> pool_step(const step_request& request, const shard& led);

}  // namespace troupe
