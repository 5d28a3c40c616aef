#include "gateway/cluster/served_models.hpp"

#include <algorithm>
#include <chrono>

#include "shards/chat_template/chat_template.hpp"
#include "shards/model/generation_defaults.hpp"
#include "shards/model/model_config.hpp"
#include "shards/model/model_pooling.hpp"
#include "shards/tokenizer/tokenizer.hpp"

namespace troupe {

result<std::shared_ptr<const served_model>> load_served_model(const deployment_config& deployment, int64_t created) {
  TROUPE_ASSIGN(auto config, read_model_config(deployment.model));
  TROUPE_ASSIGN(auto defaults, read_generation_defaults(deployment.model, config));
  auto model = std::make_shared<served_model>();
  model->id = deployment.name;
  model->aliases = deployment.aliases;
  model->created = created;
  model->context_max = std::min(config.context_max, deployment.kv_positions);
  model->vocab_size = config.vocab_size;
  model->hidden = config.hidden;
  TROUPE_ASSIGN(model->pooling, choose_pooling(deployment.pooling, deployment.model));
  model->eos = defaults.eos;
  TROUPE_ASSIGN(model->tokens, tokenizer::load(deployment.model));
  auto chat = read_chat_template(deployment.model);
  if (chat) {
    model->chat = std::make_shared<const chat_template_set>(std::move(*chat));
  } else if (chat.err().code != errc::not_found) {
    return std::move(chat).err();
  }
  model->defaults.temperature = defaults.temperature;
  model->defaults.top_p = defaults.top_p;
  model->defaults.top_k = defaults.top_k;
  model->defaults.min_p = defaults.min_p;
  model->defaults.repetition_penalty = defaults.repetition_penalty;
  return std::shared_ptr<const served_model>(std::move(model));
}

result<std::vector<std::shared_ptr<const served_model>>> load_served_models(const cluster_config& config,
                                                                            const clock& time) {
  auto created = std::chrono::duration_cast<std::chrono::seconds>(time.wall_now().time_since_epoch()).count();
  std::vector<std::shared_ptr<const served_model>> models;
  for (const auto& deployment : config.deployments) {
    auto model = load_served_model(deployment, created);
    if (!model) return with_context(std::move(model).err(), "deployment " + deployment.name);
    models.push_back(std::move(*model));
  }
  return models;
}

}  // namespace troupe
