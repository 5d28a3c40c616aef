#include <algorithm>
#include <array>

#include "gateway/api/answer_call.hpp"
#include "gateway/api/api.hpp"
#include "gateway/api/api_error.hpp"
#include "gateway/api/chat_request.hpp"
#include "gateway/api/completion_request.hpp"
#include "gateway/api/embedding_call.hpp"
#include "gateway/api/embedding_request.hpp"
#include "gateway/api/json_text.hpp"
#include "gateway/api/media_type.hpp"

namespace troupe {
namespace {

constexpr std::string_view models_prefix = "/v1/models/";

struct route_entry {
  std::string_view path;
  route which;
  bool post;
};

constexpr std::array<route_entry, 8> routes{{
    {"/v1/chat/completions", route::chat_completions, true},
    {"/v1/completions", route::completions, true},
    {"/v1/embeddings", route::embeddings, true},
    {"/v1/models", route::models, false},
    {"/live", route::live, false},
    {"/ready", route::ready, false},
    {"/health", route::health, false},
    {"/metrics", route::metrics, false},
}};

const route_entry* find_route(std::string_view path) {
  constexpr static route_entry one_model{models_prefix, route::models, false};
  if (path.size() > models_prefix.size() && path.starts_with(models_prefix)) return &one_model;
  const auto* found = std::find_if(routes.begin(), routes.end(), [&](const route_entry& r) { return r.path == path; });
  return found == routes.end() ? nullptr : found;
}

http_response refusal(const api_error& e) {
  return {.status = http_status(e.why.code), .body = error_object(e), .failure = e.why};
}

void append_model(std::string& out, const served_model& model, std::string_view id) {
  out += R"({"id":)";
  append_json_string(out, id);
  out += R"(,"object":"model","created":)";
  append_json_integer(out, model.created);
  out += R"(,"owned_by":"troupe","max_model_len":)";  // vLLM's name for the context; clients read it.
  append_json_integer(out, model.context_max);
  out += '}';
}

class api final : public http_handler {
 public:
  api(api_config config, cluster_client& cluster, const clock& time, random_source& random, gateway_metrics& metrics)
      : config_(config),
        cluster_(cluster),
        time_(time),
        random_(random),
        metrics_(metrics),
        held_(config.held, cluster, time, metrics) {}

  route route_of(std::string_view path) const override {
    const auto* entry = find_route(path);
    return entry ? entry->which : route::unknown;
  }

  std::optional<http_response> refuse(const http_request& head) const override {
    const auto* entry = find_route(head.path);
    if (!entry) return refusal({{errc::not_found, "there is no such route"}, "", "unknown_url"});
    if (head.method != (entry->post ? "POST" : "GET")) {
      auto response = refusal(error{errc::method_not_allowed, "the method is not allowed on this route"});
      response.allow = entry->post ? "POST" : "GET, HEAD";
      return response;
    }
    if (entry->post && !is_json_media_type(head.content_type)) {
      return refusal(error{errc::unsupported_media_type, "the Content-Type must be application/json"});
    }
    return std::nullopt;
  }

  void handle(http_request request, std::shared_ptr<http_exchange> exchange) override {
    if (auto refused = refuse(request)) return exchange->respond(std::move(*refused));
    switch (route which = route_of(request.path)) {
      case route::chat_completions:
      case route::completions: return generate(which, request, exchange);
      case route::embeddings: return embed(request, exchange);
      case route::models: return exchange->respond(models(request.path));
      case route::live: return exchange->respond({.body = R"({"status":"live"})"});
      case route::ready: return exchange->respond(ready());
      case route::health: return exchange->respond(health());
      case route::metrics:
        return exchange->respond(
            {.content_type = "text/plain; version=0.0.4; charset=utf-8", .body = cluster_.metrics_text()});
      case route::unknown: return exchange->respond(error_response({errc::not_found, ""}));
    }
  }

 private:
  call_context context_of(const http_request& request, random_source& random) {
    return {.cluster = cluster_,
            .time = time_,
            .random = random,
            .request_id = request.request_id,
            .request_timeout = config_.request_timeout,
            .choices_max = config_.choices_max};
  }

  void embed(const http_request& request, const std::shared_ptr<http_exchange>& exchange) {
    auto call = parse_embedding_request(request.body, context_of(request, random_),
                                        {.inputs_max = config_.embedding_inputs_max,
                                         .tokens_max = config_.embedding_tokens_max,
                                         .answer_bytes_max = config_.collected_bytes_max});
    if (!call) return exchange->respond(refusal(call.err()));
    start_embeddings({.deadline = time_.now() + config_.request_timeout, .at_once = config_.embeddings_at_once},
                     std::move(*call), cluster_, time_, exchange);
  }

  void generate(route which, const http_request& request, const std::shared_ptr<http_exchange>& exchange) {
    if (!request.idempotency_key.empty()) return generate_once(which, request, exchange);
    if (!request.last_event_id.empty()) {
      return exchange->respond(refusal(
          error{errc::invalid_argument, "Last-Event-ID needs the Idempotency-Key that the stream was asked for with"}));
    }
    auto call = parse_call(which, request, random_);
    if (!call) return exchange->respond(refusal(call.err()));
    start_answer(answer_config(which, request), std::move(*call), cluster_, time_, random_, metrics_, exchange);
  }

  api_result<generation_call> parse_call(route which, const http_request& request, random_source& random) {
    const call_context context = context_of(request, random);
    return which == route::chat_completions ? parse_chat_request(request.body, context)
                                            : parse_completion_request(request.body, context);
  }

  answer_call_config answer_config(route which, const http_request& request) const {
    return {.which = which, .arrived = request.arrived, .collected_bytes_max = config_.collected_bytes_max};
  }

  void generate_once(route which, const http_request& request, const std::shared_ptr<http_exchange>& exchange) {
    const auto asked = keyed_request_of(which, request);
    if (!asked) return exchange->respond(refusal(asked.err()));
    const auto plan = [&]() -> api_result<held_answers::answer_plan> {
      keyed_random random(*asked);
      TROUPE_ASSIGN(generation_call call, parse_call(which, request, random));
      const answer_call_config config = answer_config(which, request);
      answer_form form = form_of(config, call, time_, random);
      return held_answers::answer_plan{config, std::move(form), std::move(call)};
    };
    if (auto done = held_.attach(*asked, exchange, plan); !done) exchange->respond(refusal(done.err()));
  }

  http_response models(std::string_view path) const {
    std::string body;
    if (path.size() > models_prefix.size()) {
      auto id = path.substr(models_prefix.size());
      auto model = cluster_.find_model(id);
      if (!model) return refusal(unknown_model(id));
      append_model(body, *model, id);
      return {.body = std::move(body)};
    }
    body = R"({"object":"list","data":[)";
    for (const auto& model : cluster_.models()) {
      if (body.back() == '}') body += ',';
      append_model(body, *model, model->id);
      for (const auto& alias : model->aliases) {
        body += ',';
        append_model(body, *model, alias);
      }
    }
    body += "]}";
    return {.body = std::move(body)};
  }

  http_response ready() const {
    auto state = cluster_.ready();
    if (state.ready && !state.draining) return {.body = R"({"status":"ready"})"};
    return error_response({state.draining ? errc::draining : errc::no_group, state.detail});
  }

  http_response health() const {
    auto state = cluster_.ready();
    bool serves = state.ready && !state.draining;
    std::string body = R"({"status":)";
    append_json_string(body, state.draining ? "draining" : state.ready ? "ready" : "not_ready");
    body += R"(,"ready":)";
    body += state.ready ? "true" : "false";
    body += R"(,"draining":)";
    body += state.draining ? "true" : "false";
    body += R"(,"detail":)";
    append_json_string(body, state.detail);
    body += '}';
    http_response response{.status = serves ? 200 : 503, .body = std::move(body)};
    if (!serves) response.failure = error{state.draining ? errc::draining : errc::no_group, state.detail};
    return response;
  }

  const api_config config_;
  cluster_client& cluster_;
  const clock& time_;
  random_source& random_;
  gateway_metrics& metrics_;
  held_answers held_;
};

}  // namespace

std::unique_ptr<http_handler> make_api(api_config config, cluster_client& cluster, const clock& time,
                                       random_source& random, gateway_metrics& metrics) {
  return std::make_unique<api>(config, cluster, time, random, metrics);
}

}  // namespace troupe
