#include "actors/node/model_check.hpp"

#include "actors/node/shard_settings.hpp"
#include "shards/engine/available_memory.hpp"
#include "shards/engine/group_plan.hpp"
#include "shards/model/model_pooling.hpp"
#include "shards/tokenizer/tokenizer.hpp"

namespace troupe {
namespace {

/// What one group of the deployment needs of each of its hosts, as `troupe model plan` says it.
result<uint64_t> bytes_of_host(const deployment_config& deployment) {
  TROUPE_ASSIGN(const shard_config shard, shard_config_of(deployment, 0));
  TROUPE_ASSIGN(const group_sizes sizes, group_sizes::read(shard, deployment.hosts_per_group));
  TROUPE_TRY(tokenizer::load(deployment.model));
  TROUPE_TRY(choose_pooling(deployment.pooling, deployment.model));
  return sizes.bytes(shard.kv_pages);
}

}  // namespace

result<void> check_models(const cluster_config& config, const std::vector<group_spec>& groups, const node_name& host) {
  uint64_t needed = 0;
  for (const auto& deployment : config.deployments) {
    auto bytes = bytes_of_host(deployment);
    if (!bytes) return with_context(std::move(bytes).err(), "deployment " + deployment.name);
    for (const auto& group : groups) {
      if (group.deployment->name == deployment.name && !group.ranks_on(host).empty()) needed += *bytes;
    }
  }
  auto available = available_memory_bytes("");
  if (available && needed > *available) {
    constexpr uint64_t mib = 1 << 20;
    return {errc::out_of_memory, "the groups on " + host + " need " + std::to_string(needed / mib) +
                                     " MiB (troupe model plan says for what), " + std::to_string(*available / mib) +
                                     " MiB are available; use fewer groups or a smaller kvPositions"};
  }
  return {};
}

}  // namespace troupe
