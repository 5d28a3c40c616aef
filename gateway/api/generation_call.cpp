#include "gateway/api/generation_call.hpp"

#include <algorithm>
#include <charconv>
#include <limits>

namespace troupe {
namespace {

namespace json = boost::json;

// A token id as a key of logit_bias: decimal digits without leading zeros, so that no id has two names.
std::optional<token_id> parse_token_id(std::string_view text) {
  token_id id = 0;
  auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), id);
  if (ec != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  if (text.size() > 1 && text[0] == '0') return std::nullopt;
  return id;
}

api_result<std::vector<std::pair<token_id, float>>> parse_logit_bias(const field_reader& in, uint32_t vocab_size) {
  std::vector<std::pair<token_id, float>> biases;
  TROUPE_ASSIGN(const auto* object, in.object("logit_bias"));
  if (!object) return biases;
  if (object->size() > logit_biases_max) {
    return invalid_value(in.path_of("logit_bias"), "a map of at most " + std::to_string(logit_biases_max) + " tokens");
  }
  field_reader entries(*object, in.path_of("logit_bias"));
  biases.reserve(object->size());
  for (const auto& entry : *object) {
    auto id = parse_token_id(entry.key());
    if (!id || *id >= vocab_size) {
      return invalid_value(in.path_of("logit_bias"), "a map whose keys are token ids from 0 to " +
                                                         std::to_string(vocab_size - 1) + " as strings");
    }
    if (entry.value().is_null()) return invalid_value(entries.path_of(entry.key()), "a number");
    TROUPE_ASSIGN(float bias, entries.number(entry.key(), 0, -100, 100));
    biases.emplace_back(*id, bias);
  }
  return biases;
}

api_result<std::vector<std::string>> parse_stop(const field_reader& in) {
  std::vector<std::string> texts;
  const auto* stop = in.find("stop");
  if (!stop) return texts;
  std::string path = in.path_of("stop");
  std::string must = "a string, or an array of at most " + std::to_string(stop_texts_max) + " strings, each of 1 to " +
                     std::to_string(stop_bytes_max) + " bytes";
  auto add = [&](const json::value& value) {
    if (!value.is_string()) return false;
    const auto& text = value.get_string();
    if (text.empty() || text.size() > stop_bytes_max) return false;
    texts.emplace_back(text);
    return true;
  };
  if (!stop->is_array()) {
    if (!add(*stop)) return invalid_value(path, must);
    return texts;
  }
  const auto& array = stop->get_array();
  if (array.size() > stop_texts_max || !std::all_of(array.begin(), array.end(), add)) return invalid_value(path, must);
  return texts;
}

api_result<sampling_params> parse_sampling(const field_reader& in, const served_model& model) {
  sampling_params out = model.defaults;
  TROUPE_ASSIGN(out.temperature, in.number("temperature", out.temperature, 0, 2));
  TROUPE_ASSIGN(out.top_p, in.number("top_p", out.top_p, 0, 1));
  // OpenAI allows 0: the smallest set of candidates that has any probability is the most likely one.
  out.top_p = std::max(out.top_p, std::numeric_limits<float>::min());
  TROUPE_ASSIGN(auto top_k, in.integer("top_k", out.top_k, -1, std::numeric_limits<int32_t>::max()));
  out.top_k = top_k < 0 ? 0 : static_cast<uint32_t>(top_k);  // vLLM writes "all" as -1, others as 0.
  TROUPE_ASSIGN(out.min_p, in.number("min_p", out.min_p, 0, 1));
  TROUPE_ASSIGN(out.presence_penalty, in.number("presence_penalty", out.presence_penalty, -2, 2));
  TROUPE_ASSIGN(out.frequency_penalty, in.number("frequency_penalty", out.frequency_penalty, -2, 2));
  TROUPE_ASSIGN(out.repetition_penalty, in.number("repetition_penalty", out.repetition_penalty, 0, 10));
  if (!(out.repetition_penalty > 0)) return invalid_value(in.path_of("repetition_penalty"), "above 0 and at most 10");
  TROUPE_ASSIGN(out.logit_bias, parse_logit_bias(in, model.vocab_size));
  TROUPE_ASSIGN(out.ignore_eos, in.boolean("ignore_eos", out.ignore_eos));
  return out;
}

// What other servers take and what would change the answer: ignored, it would be a wrong answer without an error.
api_result<bool> refuse_unsupported(const field_reader& in) {
  TROUPE_TRY(in.refuse({"guided_json", "guided_regex", "guided_choice", "guided_grammar", "structured_outputs",
                        "grammar", "json_schema"},
                       "answers cannot be constrained to a grammar"));
  TROUPE_TRY(
      in.refuse({"use_beam_search", "min_tokens", "stop_token_ids", "bad_words", "allowed_token_ids", "prompt_logprobs",
                 "truncate_prompt_tokens", "include_stop_str_in_output", "typical_p", "mirostat"},
                "this way of sampling does not exist here"));
  return in.refuse({"chat_template"}, "templates come with the model, never from a client");
}

}  // namespace

api_result<json::object> parse_body(std::string_view body) {
  // How large a body may be is the HTTP server's to say, and it has.
  TROUPE_ASSIGN(auto value, parse_json(body, {.bytes_max = body.size()}));
  if (!value.is_object()) {
    return error{errc::invalid_argument, "the body must be a JSON object, not " + std::string(kind_name(value))};
  }
  return std::move(value.get_object());
}

api_result<std::shared_ptr<const served_model>> parse_model(const field_reader& in, const call_context& context) {
  TROUPE_ASSIGN(auto name, in.string("model", ""));
  if (name.empty()) return invalid_value("model", "the name of a model; GET /v1/models lists them");
  auto model = context.cluster.find_model(name);
  if (!model) return unknown_model(name);
  return model;
}

api_result<int32_t> parse_priority(const field_reader& in) {
  TROUPE_ASSIGN(auto priority, in.integer("priority", 0, priority_least, priority_most));
  return static_cast<int32_t>(priority);
}

// Who shares cached prefixes with whom: requests that say the same. Each part with its length, so that no two ways of
// saying it look alike.
api_result<std::string> parse_cache_salt(const field_reader& in) {
  std::string salt;
  for (std::string_view name : {"cache_salt", "prompt_cache_key"}) {  // vLLM's; OpenAI's.
    TROUPE_ASSIGN(auto text, in.string(name, ""));
    if (text.size() > cache_key_bytes_max)
      return invalid_value(in.path_of(name), "at most " + std::to_string(cache_key_bytes_max) + " bytes");
    if (!text.empty()) salt += std::string(name) + " " + std::to_string(text.size()) + " " + text + ";";
  }
  return salt;
}

api_result<common_fields> parse_common_fields(const field_reader& in, const call_context& context) {
  common_fields out;
  TROUPE_ASSIGN(out.model, parse_model(in, context));
  TROUPE_TRY(refuse_unsupported(in));
  TROUPE_ASSIGN(out.sampling, parse_sampling(in, *out.model));
  TROUPE_ASSIGN(out.stop, parse_stop(in));

  TROUPE_ASSIGN(auto choices, in.integer("n", 1, 1, context.choices_max));
  out.choices = static_cast<uint32_t>(choices);
  out.has_seed = in.has("seed");
  TROUPE_ASSIGN(auto seed,
                in.integer("seed", 0, std::numeric_limits<int64_t>::min(), std::numeric_limits<int64_t>::max()));
  out.sampling.seed = static_cast<uint64_t>(seed);

  TROUPE_ASSIGN(auto skip_special_tokens, in.boolean("skip_special_tokens", true));
  out.keep_special_tokens = !skip_special_tokens;

  TROUPE_ASSIGN(out.stream, in.boolean("stream", false));
  TROUPE_ASSIGN(const auto* options, in.object("stream_options"));
  if (options) {
    if (!out.stream) {
      return api_error({errc::invalid_argument, "stream_options is only allowed where stream is true"},
                       "stream_options");
    }
    TROUPE_ASSIGN(out.include_usage, field_reader(*options, "stream_options").boolean("include_usage", false));
  }
  TROUPE_TRY(in.string("user", ""));
  TROUPE_ASSIGN(out.priority, parse_priority(in));
  TROUPE_ASSIGN(out.cache_salt, parse_cache_salt(in));
  return out;
}

api_result<generate_request> make_request(const common_fields& common, const call_context& context,
                                          std::vector<token_id> prompt, std::optional<uint32_t> tokens_wanted,
                                          uint32_t tokens_default, std::string_view prompt_param,
                                          std::string_view tokens_param) {
  uint64_t context_max = common.model->context_max;
  uint64_t asked = tokens_wanted.value_or(1);
  if (prompt.size() + asked > context_max) {
    std::string detail = "the model's context is " + std::to_string(context_max) + " tokens, but the prompt has " +
                         std::to_string(prompt.size());
    if (tokens_wanted) {
      detail += " and " + std::string(tokens_param) + " asks for " + std::to_string(asked) + " more, which makes " +
                std::to_string(prompt.size() + asked);
    } else {
      detail += ", which leaves no room for an answer";
    }
    bool prompt_fits = prompt.size() < context_max;
    return api_error({errc::context_length_exceeded, std::move(detail)},
                     std::string(prompt_fits ? tokens_param : prompt_param));
  }
  generate_request out;
  out.request_id = context.request_id;
  out.model = common.model->id;
  out.choices = common.choices;
  out.sampling = common.sampling;
  if (!common.has_seed) out.sampling.seed = context.random.next();
  uint64_t room = context_max - prompt.size();
  out.tokens_max = static_cast<uint32_t>(tokens_wanted ? asked : std::min<uint64_t>(tokens_default, room));
  out.prompt = std::move(prompt);
  out.stop = common.stop;
  out.priority = common.priority;
  out.cache_salt = common.cache_salt;
  out.keep_special_tokens = common.keep_special_tokens;
  out.timeout = context.request_timeout;
  return out;
}

}  // namespace troupe
