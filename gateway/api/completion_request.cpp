#include "gateway/api/completion_request.hpp"

#include <limits>

#include "gateway/api/text_inputs.hpp"
#include "shards/tokenizer/tokenizer.hpp"

namespace troupe {
namespace {

// As OpenAI and vLLM: whoever wants more than a taste says so.
constexpr uint32_t tokens_default = 16;

api_result<std::vector<token_id>> encode(const text_input& from, const served_model& model, bool add_special) {
  TROUPE_ASSIGN(auto ids, tokens_of(from, model, add_special));
  // Nothing to start from: a new document, as OpenAI has it.
  const auto bos = model.tokens->bos();
  if (ids.empty() && bos && *bos < model.vocab_size) ids.push_back(*bos);
  if (ids.empty()) return invalid_value("prompt", "at least one token long: this model has none that begins a text");
  return ids;
}

}  // namespace

api_result<generation_call> parse_completion_request(std::string_view body, const call_context& context) {
  TROUPE_ASSIGN(auto object, parse_body(body));
  field_reader in(object);
  TROUPE_ASSIGN(auto common, parse_common_fields(in, context));
  TROUPE_TRY(in.refuse({"suffix"}, "text cannot be inserted before a suffix"));
  TROUPE_ASSIGN(auto best_of, in.integer("best_of", common.choices, 1, context.choices_max));
  if (best_of != common.choices) return unsupported("best_of", "answers are not ranked; it may only equal n");
  TROUPE_ASSIGN(auto wanted, in.integer("max_tokens", 0, 1, std::numeric_limits<int32_t>::max()));
  TROUPE_ASSIGN(auto logprobs, in.integer("logprobs", -1, 0, top_logprobs_max));
  common.sampling.top_logprobs = static_cast<int32_t>(logprobs);
  TROUPE_ASSIGN(bool echo, in.boolean("echo", false));
  if (echo && logprobs >= 0)
    return unsupported("echo", "the prompt's own logprobs are not computed; leave out logprobs");
  TROUPE_ASSIGN(bool add_special, in.boolean("add_special_tokens", true));
  TROUPE_ASSIGN(auto prompts, parse_text_inputs(in, "prompt", *common.model,
                                                {context.choices_max / common.choices, "prompts (times n)"}));

  generation_call call;
  call.model = common.model;
  call.stream = common.stream;
  call.include_usage = common.include_usage;
  call.logprobs = logprobs >= 0;
  for (auto& from : prompts) {
    TROUPE_ASSIGN(auto ids, encode(from, *call.model, add_special));
    std::string before;
    if (echo)
      before = from.is_text ? std::move(from.text) : call.model->tokens->decode(ids, !common.keep_special_tokens);
    call.echo.push_back(std::move(before));
    std::optional<uint32_t> tokens;
    if (in.has("max_tokens")) tokens = static_cast<uint32_t>(wanted);
    TROUPE_ASSIGN(auto request,
                  make_request(common, context, std::move(ids), tokens, tokens_default, "prompt", "max_tokens"));
    call.requests.push_back(std::move(request));
  }
  return call;
}

}  // namespace troupe
