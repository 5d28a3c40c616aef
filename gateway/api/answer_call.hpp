// One completion under way: takes what the request actors say about each prompt, and gives it to the client's exchange
// as events or as one object.
#pragma once

#include <memory>

#include "base/clock.hpp"
#include "base/random.hpp"
#include "gateway/api/gateway_metrics.hpp"
#include "gateway/api/generation_call.hpp"
#include "gateway/api/http_exchange.hpp"

namespace troupe {

struct answer_call_config {
  route which = route::completions;
  instant arrived;
  size_t collected_bytes_max = 64 << 20;
};

/// Starts every request of `call` and answers through `exchange`. The references must outlive what was started.
void start_answer(const answer_call_config& config, generation_call call, cluster_client& cluster, const clock& time,
                  random_source& random, gateway_metrics& metrics, const std::shared_ptr<http_exchange>& exchange);

}  // namespace troupe
