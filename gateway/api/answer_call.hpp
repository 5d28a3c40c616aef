// One completion under way, for one client: what the request actors say about each prompt goes to the client's exchange
// as events or as one object.
#pragma once

#include <memory>

#include "gateway/api/client_answer.hpp"
#include "gateway/api/prompts_answer.hpp"

namespace troupe {

struct answer_call_config {
  route which = route::completions;
  instant arrived;
  size_t collected_bytes_max = 64 << 20;
};

/// The form of a call's answers: with an id out of `random`, made now.
answer_form form_of(const answer_call_config& config, const generation_call& call, const clock& time,
                    random_source& random);

/// Starts every request of `call` and answers through `exchange`. The references must outlive what was started.
void start_answer(const answer_call_config& config, generation_call call, cluster_client& cluster, const clock& time,
                  random_source& random, gateway_metrics& metrics, const std::shared_ptr<http_exchange>& exchange);

}  // namespace troupe
