// The routes of the gateway: OpenAI's completions, chat completions, embeddings and models, and what an operator asks a
// node.
//
//   POST /v1/chat/completions   POST /v1/completions   POST /v1/embeddings   GET /v1/models   GET /v1/models/{id}
//   GET /live   GET /ready   GET /health   GET /metrics
//
// A completion that is asked for with an Idempotency-Key is made once: whoever asks again with the key and the same
// body gets the same answer, while it grows and for some minutes. A stream that breaks is gone on with by asking again
// with Last-Event-ID; where its answer is held no more, or at another gateway, it is made again and only the rest is
// sent.
//
// Each request is parsed once into generate_requests that cannot be invalid; every refusal is OpenAI's error object.
#pragma once

#include <memory>

#include "base/clock.hpp"
#include "base/random.hpp"
#include "gateway/api/gateway_metrics.hpp"
#include "gateway/api/held_answers.hpp"
#include "gateway/api/http_exchange.hpp"
#include "gateway/cluster_client.hpp"

namespace troupe {

struct api_config {
  /// From arrival to the last token: generate_request::timeout.
  duration request_timeout = std::chrono::minutes(10);
  /// A request's prompts times n.
  uint32_t choices_max = 16;
  /// Of an answer that is not streamed; beyond it the request is refused with the advice to stream.
  size_t collected_bytes_max = 64 << 20;
  /// Of one call for embeddings: inputs, and tokens of all of them. As OpenAI has it.
  size_t embedding_inputs_max = 2048;
  size_t embedding_tokens_max = 300'000;
  /// Of its inputs so many are under way at once, so that one call takes neither the queue nor the batch for itself.
  size_t embeddings_at_once = 32;
  /// Of requests with an Idempotency-Key.
  held_answers_config held;
};

/// The references must outlive the handler and everything that it started.
std::unique_ptr<http_handler> make_api(api_config config, cluster_client& cluster, const clock& time,
                                       random_source& random, gateway_metrics& metrics);

}  // namespace troupe
