// Whatever the body of a route says that makes tokens or embeddings, parsing ends with a request whose every field
// holds what generate_request promises, or with an error object that is JSON.
#include <cmath>
#include <cstdint>
#include <string>

#include "base/check.hpp"
#include "base/json.hpp"
#include "gateway/api/chat_request.hpp"
#include "gateway/api/completion_request.hpp"
#include "gateway/api/embedding_request.hpp"
#include "tests/unit/gateway/fake_cluster.hpp"

namespace {

using namespace troupe;

void check_request(const generate_request& request, const served_model& model) {
  TROUPE_CHECK(!request.prompt.empty() && request.tokens_max > 0);
  TROUPE_CHECK(request.prompt.size() + request.tokens_max <= model.context_max);
  for (token_id id : request.prompt) TROUPE_CHECK(id < model.vocab_size);
  TROUPE_CHECK(request.choices >= 1 && request.choices <= 16);
  const auto& s = request.sampling;
  TROUPE_CHECK(s.temperature >= 0 && s.temperature <= 2);
  TROUPE_CHECK(s.top_p > 0 && s.top_p <= 1);
  TROUPE_CHECK(s.min_p >= 0 && s.min_p <= 1);
  TROUPE_CHECK(std::fabs(s.presence_penalty) <= 2 && std::fabs(s.frequency_penalty) <= 2);
  TROUPE_CHECK(s.repetition_penalty > 0 && s.repetition_penalty <= 10);
  TROUPE_CHECK(s.top_logprobs >= -1 && s.top_logprobs <= 20);
  TROUPE_CHECK(s.logit_bias.size() <= 1024);
  for (const auto& [id, bias] : s.logit_bias) TROUPE_CHECK(id < model.vocab_size && std::fabs(bias) <= 100);
  TROUPE_CHECK(request.stop.size() <= 16);
  for (const auto& text : request.stop) TROUPE_CHECK(!text.empty());
}

void check(api_result<generation_call> call) {
  if (!call) {
    TROUPE_CHECK(parse_json(error_object(call.err())).has_value());
    return;
  }
  TROUPE_CHECK(!call->requests.empty() && call->requests.size() == call->echo.size());
  size_t choices = 0;
  for (const auto& request : call->requests) {
    check_request(request, *call->model);
    choices += request.choices;
  }
  TROUPE_CHECK(choices <= 16);
}

constexpr embedding_limits few{.inputs_max = 20, .tokens_max = 500, .answer_bytes_max = 1 << 16};

void check(api_result<embedding_call> call) {
  if (!call) {
    TROUPE_CHECK(parse_json(error_object(call.err())).has_value());
    return;
  }
  TROUPE_CHECK(!call->requests.empty() && call->requests.size() <= few.inputs_max);
  TROUPE_CHECK(call->dimensions >= 1 && call->dimensions <= call->model->hidden);
  TROUPE_CHECK(call->requests.size() * call->dimensions * bytes_per_number(call->format) <= few.answer_bytes_max);
  size_t tokens = 0;
  for (const auto& request : call->requests) {
    TROUPE_CHECK(request.pooling == call->model->pooling && request.tokens_max == 0 && request.choices == 1);
    TROUPE_CHECK(!request.prompt.empty() && request.prompt.size() <= call->model->context_max);
    for (token_id id : request.prompt) TROUPE_CHECK(id < call->model->vocab_size);
    tokens += request.prompt.size();
  }
  TROUPE_CHECK(tokens <= few.tokens_max);
}

struct world {
  fake_cluster cluster;
  manual_clock time;
  counting_random random;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static world it;  // The tokenizer takes longer to load than an input to parse.
  call_context context{
      .cluster = it.cluster, .time = it.time, .random = it.random, .request_id = "fuzz", .choices_max = 16};
  std::string_view body(reinterpret_cast<const char*>(data), size);
  check(parse_chat_request(body, context));
  check(parse_completion_request(body, context));
  check(parse_embedding_request(body, context, few));
  return 0;
}
