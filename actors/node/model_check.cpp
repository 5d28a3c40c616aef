#include "actors/node/model_check.hpp"

#include "shards/engine/available_memory.hpp"
#include "shards/model/model_config.hpp"
#include "shards/model/weight_files.hpp"
#include "shards/tokenizer/tokenizer.hpp"

namespace troupe {
namespace {

/// What one group of the deployment needs: weights, and keys and values.
result<uint64_t> bytes_of_group(const deployment_config& deployment) {
  TROUPE_ASSIGN(auto config, read_model_config(deployment.model));
  if (!can_split(config, deployment.tensor_parallel)) {
    return {errc::invalid_argument,
            deployment.model + " cannot be split over " + std::to_string(deployment.tensor_parallel) + " ranks"};
  }
  TROUPE_ASSIGN(auto weights, weight_files::open(deployment.model));
  TROUPE_TRY(check_weights(config, weights));
  TROUPE_TRY([&]() -> result<void> {
    auto tokens = tokenizer::load(deployment.model);
    if (!tokens) return std::move(tokens).err();
    return {};
  }());
  const uint64_t element = deployment.kv_type == "bf16" ? sizeof(uint16_t) : sizeof(float);
  const uint64_t kv = uint64_t{2} * config.layers * config.kv_size() * element * deployment.kv_positions;
  return weights.bytes() + kv;
}

}  // namespace

result<void> check_models(const cluster_config& config, const std::vector<group_spec>& groups, const node_name& host) {
  uint64_t needed = 0;
  for (const auto& deployment : config.deployments) {
    auto bytes = bytes_of_group(deployment);
    if (!bytes) return with_context(std::move(bytes).err(), "deployment " + deployment.name);
    for (const auto& group : groups) {
      if (group.deployment->name == deployment.name) needed += *bytes * group.ranks_on(host).size() / group.ranks();
    }
  }
  auto available = available_memory_bytes("");
  if (available && needed > *available) {
    constexpr uint64_t mib = 1 << 20;
    return {errc::out_of_memory, "the groups on " + host + " need about " + std::to_string(needed / mib) +
                                     " MiB for weights and kv cache, " + std::to_string(*available / mib) +
                                     " MiB are available; use fewer groups or a smaller kvPositions"};
  }
  return {};
}

}  // namespace troupe
