#include "gateway/cluster/actor_cluster_client.hpp"

#include "actors/runtime/runtime.hpp"

namespace troupe {
namespace {

class actor_request final : public running_request {
 public:
  actor_request(environment& env, uint64_t key) : env_(env), key_(key) {}
  actor_request(const actor_request&) = delete;
  actor_request& operator=(const actor_request&) = delete;
  ~actor_request() override { tell(env_.post.local(service::requests), client_gone{key_}); }
  void resume() override { tell(env_.post.local(service::requests), client_resumed{key_}); }

 private:
  environment& env_;
  uint64_t key_;
};

}  // namespace

actor_cluster_client::actor_cluster_client(environment& env, std::vector<std::shared_ptr<const served_model>> models,
                                           const status_board& board, const prometheus_metrics& metrics)
    : env_(env), models_(std::move(models)), board_(board), metrics_(metrics) {
  for (const auto& model : models_) {
    by_name_.emplace(model->id, model);
    for (const auto& alias : model->aliases) by_name_.emplace(alias, model);
  }
}

std::shared_ptr<const served_model> actor_cluster_client::find_model(std::string_view id) const {
  auto at = by_name_.find(id);
  return at == by_name_.end() ? nullptr : at->second;
}

std::unique_ptr<running_request> actor_cluster_client::generate(generate_request request,
                                                                std::shared_ptr<answer_sink> sink) {
  auto model = find_model(request.model);
  auto actor = env_.post.local(service::requests);
  if (!model || !actor) {
    sink->on_error(model ? error{errc::unavailable, "the gateway is starting"}
                         : error{errc::unknown_model, "the model " + request.model + " does not exist"});
    return nullptr;
  }
  begin_request::content content;
  content.key = next_key_++;
  content.request = std::move(request);
  // Deployments are known to the actors by the name that clients see as the model's id.
  content.request.model = model->id;
  content.sink = std::move(sink);
  content.tokens = model->tokens;
  content.eos = model->eos;
  auto key = content.key;
  tell(actor, begin_request{std::make_shared<const begin_request::content>(std::move(content))});
  return std::make_unique<actor_request>(env_, key);
}

readiness actor_cluster_client::ready() const {
  auto status = board_.read();
  readiness r;
  r.draining = status.draining;
  r.ready = status.ready && !status.draining;
  r.detail = status.draining ? "draining" : status.detail;
  return r;
}

}  // namespace troupe
