#include "gateway/api/chat_request.hpp"

#include <boost/json/serialize.hpp>
#include <limits>

#include "gateway/api/chat_messages.hpp"
#include "shards/chat_template/chat_template.hpp"
#include "shards/tokenizer/tokenizer.hpp"

namespace troupe {
namespace {

namespace json = boost::json;

constexpr size_t template_arguments_max = 64;

api_result<bool> refuse_unsupported(const field_reader& in) {
  TROUPE_TRY(in.refuse({"tools", "functions"}, "tool calls are not parsed out of answers"));
  for (std::string_view key : {"tool_choice", "function_call"}) {
    const auto* choice = in.find(key);
    if (!choice) continue;
    if (!choice->is_string() || (choice->get_string() != "none" && choice->get_string() != "auto")) {
      return unsupported(std::string(key), "there are no tools to choose from");
    }
  }
  TROUPE_ASSIGN(const auto* format, in.object("response_format"));
  if (format) {
    TROUPE_ASSIGN(auto type, field_reader(*format, "response_format").string("type", ""));
    if (type != "text") return unsupported("response_format", "answers are text; only the type \"text\" is known");
  }
  TROUPE_ASSIGN(const auto* modalities, in.array("modalities"));
  if (modalities) {
    for (const auto& modality : *modalities) {
      if (!modality.is_string() || modality.get_string() != "text")
        return unsupported("modalities", "answers are text");
    }
  }
  TROUPE_TRY(in.refuse({"audio"}, "answers are text"));
  if (in.has("web_search_options")) return unsupported("web_search_options", "this server fetches nothing");
  TROUPE_TRY(in.refuse({"store"}, "answers are not stored"));
  return in.refuse({"moderation"}, "this server does not moderate");
}

// Sets what the template reads besides the messages.
api_result<bool> add_template_arguments(const field_reader& in, json::object& context) {
  TROUPE_ASSIGN(const auto* arguments, in.object("chat_template_kwargs"));
  if (!arguments) return true;
  if (arguments->size() > template_arguments_max) {
    return invalid_value("chat_template_kwargs",
                         "an object of at most " + std::to_string(template_arguments_max) + " members");
  }
  for (const auto& entry : *arguments) {
    if (context.contains(entry.key())) {
      return invalid_value("chat_template_kwargs",
                           "without \"" + std::string(entry.key()) + "\", which the request sets");
    }
  }
  for (const auto& entry : *arguments) context.insert_or_assign(entry.key(), entry.value());
  return true;
}

api_result<std::string> render_prompt(const field_reader& in, const served_model& model, const clock& time) {
  TROUPE_ASSIGN(const auto* messages, in.array("messages"));
  if (!messages) return invalid_value("messages", "a non-empty array");
  if (!model.chat) {
    return api_error(
        {errc::invalid_argument, "the model \"" + model.id + "\" has no chat template; use /v1/completions"}, "model",
        "unsupported_value");
  }
  TROUPE_ASSIGN(auto conversation, normalized_messages(*messages));
  TROUPE_ASSIGN(bool continues, in.boolean("continue_final_message", false));
  TROUPE_ASSIGN(bool generation_prompt, in.boolean("add_generation_prompt", !continues));
  if (continues && generation_prompt) {
    return invalid_value("add_generation_prompt", "false where continue_final_message is true");
  }
  std::string last(conversation.back().get_object().at("content").get_string());

  json::object context = model.chat->context();
  // A model may name these beside its tokenizer_config.json, and templates write them without asking.
  context.emplace("bos_token", model.tokens->bos_token());
  context.emplace("eos_token", model.tokens->eos_token());
  context["messages"] = std::move(conversation);
  context["add_generation_prompt"] = generation_prompt;
  TROUPE_TRY(add_template_arguments(in, context));

  auto now = std::chrono::floor<std::chrono::seconds>(time.wall_now());
  auto rendered = model.chat->choose(/*with_tools=*/false).render(context, {}, now);
  if (!rendered) return api_error(with_context(std::move(rendered).err(), "the model's chat template"), "messages");
  if (continues) return cut_after_final_message(std::move(*rendered), last);
  return std::move(*rendered);
}

}  // namespace

api_result<generation_call> parse_chat_request(std::string_view body, const call_context& context) {
  TROUPE_ASSIGN(auto object, parse_body(body));
  field_reader in(object);
  TROUPE_ASSIGN(auto common, parse_common_fields(in, context));
  TROUPE_TRY(refuse_unsupported(in));
  TROUPE_ASSIGN(bool logprobs, in.boolean("logprobs", false));
  TROUPE_ASSIGN(auto top_logprobs, in.integer("top_logprobs", 0, 0, top_logprobs_max));
  if (top_logprobs > 0 && !logprobs) return invalid_value("top_logprobs", "absent where logprobs is not true");
  common.sampling.top_logprobs = logprobs ? static_cast<int32_t>(top_logprobs) : -1;

  std::string_view tokens_param = "max_tokens";
  std::optional<uint32_t> tokens;
  for (std::string_view name : {"max_tokens", "max_completion_tokens"}) {  // The newer name wins, as elsewhere.
    TROUPE_ASSIGN(auto wanted, in.integer(name, 0, 1, std::numeric_limits<int32_t>::max()));
    if (!in.has(name)) continue;
    tokens_param = name;
    tokens = static_cast<uint32_t>(wanted);
  }
  TROUPE_ASSIGN(bool add_special, in.boolean("add_special_tokens", false));

  generation_call call;
  call.model = common.model;
  call.stream = common.stream;
  call.include_usage = common.include_usage;
  call.logprobs = logprobs;
  TROUPE_ASSIGN(auto text, render_prompt(in, *call.model, context.time));
  auto ids = call.model->tokens->encode(text, add_special);
  if (!ids) return api_error(std::move(ids).err(), "messages");
  if (ids->empty())
    return invalid_value("messages", "of at least one token once the model's template has rendered them");
  for (token_id id : *ids) {
    if (id >= call.model->vocab_size)
      return invalid_value("messages", "without words that the model has no embedding for");
  }
  TROUPE_ASSIGN(auto request, make_request(common, context, std::move(*ids), tokens,
                                           std::numeric_limits<uint32_t>::max(), "messages", tokens_param));
  call.requests.push_back(std::move(request));
  call.echo.emplace_back();
  return call;
}

}  // namespace troupe
