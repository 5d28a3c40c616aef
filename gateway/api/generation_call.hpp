// What a completion route does: one or more generate_requests that cannot be invalid, and how their answer is to look.
// Here are the parameters that both completion routes share; chat_request and completion_request add the rest.
#pragma once

#include <boost/json/object.hpp>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/random.hpp"
#include "gateway/api/api_error.hpp"
#include "gateway/api/field_reader.hpp"
#include "gateway/cluster_client.hpp"

namespace troupe {

struct generation_call {
  std::shared_ptr<const served_model> model;
  /// One per prompt, 1 to choices_max / choices.
  std::vector<generate_request> requests;
  /// Per prompt: what stands before each of its answers; empty where echo was not asked for.
  std::vector<std::string> echo;
  bool stream = false;
  /// A stream ends with a chunk that has the usage, and the others have `"usage":null`.
  bool include_usage = false;
  bool logprobs = false;
};

/// What parsing needs of the world.
struct call_context {
  const cluster_client& cluster;
  const clock& time;
  random_source& random;
  std::string_view request_id;
  duration request_timeout{};
  uint32_t choices_max = 16;
};

/// The model of `body`, and the parameters that are neither the prompt nor bound to one route.
struct common_fields {
  std::shared_ptr<const served_model> model;
  sampling_params sampling;
  /// False: each prompt draws a seed of its own.
  bool has_seed = false;
  std::vector<std::string> stop;
  uint32_t choices = 1;
  bool keep_special_tokens = false;
  bool stream = false;
  bool include_usage = false;
  int32_t priority = 0;
  std::string cache_salt;
};

inline constexpr size_t cache_key_bytes_max = 64;
inline constexpr size_t stop_texts_max = 16;
inline constexpr size_t stop_bytes_max = 1024;
inline constexpr size_t logit_biases_max = 1024;
inline constexpr int32_t top_logprobs_max = 20;

/// The body as an object, which is what every route takes.
api_result<boost::json::object> parse_body(std::string_view body);

/// The model that `in` names. Errors: unknown_model, invalid_argument.
api_result<std::shared_ptr<const served_model>> parse_model(const field_reader& in, const call_context& context);
/// generate_request::priority; generate_request::cache_salt.
api_result<int32_t> parse_priority(const field_reader& in);
api_result<std::string> parse_cache_salt(const field_reader& in);

api_result<common_fields> parse_common_fields(const field_reader& in, const call_context& context);

/// The request for one prompt. `tokens_wanted`: nothing takes what `tokens_default` allows (which the context may cut).
/// `prompt_param`, `tokens_param`: what to blame. Errors: context_length_exceeded, with the numbers.
api_result<generate_request> make_request(const common_fields& common, const call_context& context,
                                          std::vector<token_id> prompt, std::optional<uint32_t> tokens_wanted,
                                          uint32_t tokens_default, std::string_view prompt_param,
                                          std::string_view tokens_param);

}  // namespace troupe
