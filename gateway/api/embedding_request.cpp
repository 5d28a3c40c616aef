#include "gateway/api/embedding_request.hpp"

#include "gateway/api/text_inputs.hpp"

namespace troupe {
namespace {

api_result<embedding_format> parse_format(const field_reader& in) {
  TROUPE_ASSIGN(const auto format, in.string("encoding_format", "float"));
  if (format == "float") return embedding_format::numbers;
  if (format == "base64") return embedding_format::base64;
  return invalid_value(in.path_of("encoding_format"), "\"float\" or \"base64\"");
}

// What other servers take and what would change the answer.
api_result<bool> refuse_other_answers(const field_reader& in) {
  TROUPE_TRY(in.refuse({"truncate_prompt_tokens"}, "an input is never cut; send what fits the context"));
  TROUPE_ASSIGN(const bool normalize, in.boolean("normalize", true));
  if (!normalize) return unsupported(in.path_of("normalize"), "embeddings have length one");
  return true;
}

// Before anything is computed whose answer would not be sent.
api_result<bool> check_answer(const embedding_call& call, size_t inputs, const embedding_limits& limits) {
  const size_t most = limits.answer_bytes_max / (call.dimensions * bytes_per_number(call.format));
  if (inputs <= most) return true;
  return api_error(
      {errc::payload_too_large, std::to_string(inputs) + " embeddings of " + std::to_string(call.dimensions) +
                                    " numbers may be larger than the " + std::to_string(limits.answer_bytes_max) +
                                    " bytes that are sent at once; send at most " + std::to_string(most) +
                                    " inputs, or ask for base64 or fewer dimensions"},
      "input");
}

api_result<std::vector<token_id>> checked_tokens(const text_input& from, const served_model& model, bool add_special) {
  if (from.is_text && from.text.empty()) return invalid_value(from.path, "a text that is not empty");
  TROUPE_ASSIGN(auto ids, tokens_of(from, model, add_special));
  if (ids.empty()) return invalid_value(from.path, "at least one token long");
  if (ids.size() > model.context_max) {
    return api_error(
        {errc::context_length_exceeded, "the model's context is " + std::to_string(model.context_max) +
                                            " tokens, but " + from.path + " has " + std::to_string(ids.size())},
        from.path);
  }
  return ids;
}

}  // namespace

api_result<embedding_call> parse_embedding_request(std::string_view body, const call_context& context,
                                                   const embedding_limits& limits) {
  TROUPE_ASSIGN(auto object, parse_body(body));
  field_reader in(object);
  embedding_call call;
  TROUPE_ASSIGN(call.model, parse_model(in, context));
  TROUPE_TRY(refuse_other_answers(in));
  TROUPE_ASSIGN(call.format, parse_format(in));
  TROUPE_ASSIGN(auto dimensions, in.integer("dimensions", call.model->hidden, 1, call.model->hidden));
  call.dimensions = static_cast<size_t>(dimensions);
  TROUPE_TRY(in.string("user", ""));
  generate_request common;
  TROUPE_ASSIGN(common.priority, parse_priority(in));
  TROUPE_ASSIGN(common.cache_salt, parse_cache_salt(in));
  TROUPE_ASSIGN(const bool add_special, in.boolean("add_special_tokens", true));
  TROUPE_ASSIGN(const auto inputs, parse_text_inputs(in, "input", *call.model, {limits.inputs_max, "inputs"}));
  TROUPE_TRY(check_answer(call, inputs.size(), limits));

  common.request_id = context.request_id;
  common.model = call.model->id;
  common.pooling = call.model->pooling;
  size_t tokens = 0;
  for (const auto& from : inputs) {
    auto request = common;
    TROUPE_ASSIGN(request.prompt, checked_tokens(from, *call.model, add_special));
    tokens += request.prompt.size();
    if (tokens > limits.tokens_max) {
      return api_error(
          {errc::invalid_argument, "all inputs together may have " + std::to_string(limits.tokens_max) +
                                       " tokens; up to " + from.path + " they have " + std::to_string(tokens)},
          "input");
    }
    call.requests.push_back(std::move(request));
  }
  return call;
}

}  // namespace troupe
