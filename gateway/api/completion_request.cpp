#include "gateway/api/completion_request.hpp"

#include "base/utf8.hpp"
#include "shards/tokenizer/tokenizer.hpp"

namespace troupe {
namespace {

namespace json = boost::json;

// As OpenAI and vLLM: whoever wants more than a taste says so.
constexpr uint32_t tokens_default = 16;

constexpr std::string_view prompt_must =
    "a string, an array of strings, an array of token ids, or an array of arrays of token ids";

// A prompt as it was written: a text, or ids that were checked.
struct prompt {
  std::string text = {};
  std::vector<token_id> ids = {};
  bool is_text = false;
};

api_result<prompt> parse_ids(const json::array& array, const served_model& model, const std::string& path) {
  if (array.empty()) return invalid_value(path, "an array of at least one token id");
  prompt out;
  out.ids.reserve(array.size());
  for (size_t i = 0; i < array.size(); ++i) {
    auto id = json_integer(array[i]);
    if (!id || *id < 0 || *id >= int64_t{model.vocab_size}) {
      return invalid_value(path + "[" + std::to_string(i) + "]",
                           "a token id from 0 to " + std::to_string(model.vocab_size - 1));
    }
    out.ids.push_back(static_cast<token_id>(*id));
  }
  return out;
}

prompt text_prompt(const json::string& text) { return {.text = std::string(text), .is_text = true}; }

api_result<std::vector<prompt>> parse_prompts(const field_reader& in, const served_model& model, size_t prompts_max) {
  const auto* value = in.find("prompt");
  if (!value) return invalid_value("prompt", prompt_must);
  std::vector<prompt> out;
  if (value->is_string()) {
    out.push_back(text_prompt(value->get_string()));
    return out;
  }
  if (!value->is_array() || value->get_array().empty()) return invalid_value("prompt", prompt_must);
  const auto& array = value->get_array();
  if (array[0].is_number()) {
    TROUPE_ASSIGN(auto ids, parse_ids(array, model, "prompt"));
    out.push_back(std::move(ids));
    return out;
  }
  if (array.size() > prompts_max) {
    return invalid_value("prompt", "at most " + std::to_string(prompts_max) + " prompts (times n)");
  }
  for (size_t i = 0; i < array.size(); ++i) {
    if (array[i].kind() != array[0].kind()) return invalid_value("prompt", prompt_must);
    if (array[i].is_string()) {
      out.push_back(text_prompt(array[i].get_string()));
    } else if (array[i].is_array()) {
      TROUPE_ASSIGN(auto ids, parse_ids(array[i].get_array(), model, "prompt[" + std::to_string(i) + "]"));
      out.push_back(std::move(ids));
    } else {
      return invalid_value("prompt", prompt_must);
    }
  }
  return out;
}

api_result<std::vector<token_id>> encode(const prompt& from, const served_model& model, bool add_special) {
  if (!from.is_text) return from.ids;
  auto ids = model.tokens->encode(from.text, add_special);
  if (!ids) return api_error(std::move(ids).err(), "prompt");
  // Nothing to start from: a new document, as OpenAI has it.
  if (ids->empty() && model.tokens->bos()) ids->push_back(*model.tokens->bos());
  if (ids->empty()) return invalid_value("prompt", "at least one token long: this model has none that begins a text");
  for (token_id id : *ids) {
    // The tokenizer may know more words than the model.
    if (id >= model.vocab_size) return invalid_value("prompt", "without words that the model has no embedding for");
  }
  return std::move(*ids);
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
  TROUPE_ASSIGN(auto prompts, parse_prompts(in, *common.model, context.choices_max / common.choices));

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
