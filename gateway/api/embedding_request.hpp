// The body of POST /v1/embeddings.
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "gateway/api/embedding_text.hpp"
#include "gateway/api/generation_call.hpp"

namespace troupe {

/// Requests that cannot be invalid, one for each input, and how the answer is to look.
struct embedding_call {
  std::shared_ptr<const served_model> model;
  std::vector<generate_request> requests;
  /// At most model->hidden.
  size_t dimensions = 0;
  embedding_format format = embedding_format::numbers;
};

struct embedding_limits {
  size_t inputs_max = 2048;
  /// Of all inputs together.
  size_t tokens_max = 300'000;
  size_t answer_bytes_max = 64 << 20;
};

/// Checks the body and tokenizes its inputs. Nothing is cut: an input that does not fit is refused. Errors:
/// invalid_argument, context_length_exceeded, payload_too_large and the like, with the parameter.
api_result<embedding_call> parse_embedding_request(std::string_view body, const call_context& context,
                                                   const embedding_limits& limits);

}  // namespace troupe
