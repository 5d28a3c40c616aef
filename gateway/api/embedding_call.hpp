// One call for embeddings under way: some of its inputs at a time, one answer when all are there.
#pragma once

#include <memory>

#include "base/clock.hpp"
#include "gateway/api/embedding_request.hpp"
#include "gateway/api/http_exchange.hpp"

namespace troupe {

struct embedding_call_config {
  /// Of the whole call.
  instant deadline = instant::max();
  /// Inputs under way at once.
  size_t at_once = 32;
};

/// Starts the inputs of `call`, each as a request of its own and the next when one is done, and answers through
/// `exchange`: all embeddings, or the first error, after which the others are cancelled. One that finds the queue full
/// (overloaded) while others of the call run is no error: it waits for one of them to end. The references must outlive
/// what was started.
void start_embeddings(const embedding_call_config& config, embedding_call call, cluster_client& cluster,
                      const clock& time, const std::shared_ptr<http_exchange>& exchange);

}  // namespace troupe
