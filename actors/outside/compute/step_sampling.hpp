// The tokens of a step, from its logits. Pure.
#pragma once

#include <cstdint>
#include <vector>

#include "actors/seams/compute.hpp"
#include "shards/engine/shard.hpp"

namespace troupe {

/// Whether every task has logits of its own. Before the step, so that a request which is refused has changed nothing.
/// Errors: invalid_argument, naming the sequence.
result<void> check_sampling(const step_request& request);

/// What step_result::sampled is to be. The logits, of this request's plan, are changed. The request has passed
/// check_sampling(). `threads` share the tasks. Errors: the sampler's; they name step and sequence.
result<std::vector<sampled_token>> sample_step(const step_request& request, const step_logits& logits,
                                               worker_pool& threads);

}  // namespace troupe
