#include "shards/model/layer_experts.hpp"

#include <limits>
#include <string>

#include "shards/model/config_fields.hpp"
#include "shards/model/model_family.hpp"

namespace troupe {
namespace {

constexpr int64_t experts_max = 1024;
// Of all layers together: each is three tensors with names.
constexpr uint64_t layer_experts_max = 65'536;
constexpr int64_t expert_intermediate_max = 1 << 20;

/// Both have been seen for the number of experts.
const char* count_key(const config_fields& config, const model_family& family) {
  if (family.experts == expert_rule::mixtral) return "num_local_experts";
  return config.find("num_experts") || !config.find("num_local_experts") ? "num_experts" : "num_local_experts";
}

}  // namespace

result<layer_experts> read_layer_experts(const config_fields& config, const model_family& family, uint32_t layers,
                                         uint32_t intermediate) {
  layer_experts out;
  if (family.experts == expert_rule::none) return out;
  expert_config experts;
  const char* count = count_key(config, family);
  TROUPE_ASSIGN(experts.count, config.size(count, 1, experts_max));
  if (uint64_t{experts.count} * layers > layer_experts_max) {
    return config.wrong(count, "at most " + std::to_string(layer_experts_max / layers) + " with so many layers");
  }
  TROUPE_ASSIGN(experts.used, config.size("num_experts_per_tok", 1, experts.count));
  experts.mixtral_names = family.experts == expert_rule::mixtral;
  experts.intermediate = intermediate;
  experts.normalised = true;
  out.sparse.assign(layers, true);
  if (family.experts == expert_rule::qwen) {
    TROUPE_ASSIGN(experts.intermediate, config.size("moe_intermediate_size", 1, expert_intermediate_max));
    TROUPE_ASSIGN(experts.normalised, config.boolean("norm_topk_prob", false));
    TROUPE_ASSIGN(const uint32_t step, config.size("decoder_sparse_step", 1, std::numeric_limits<uint32_t>::max(), 1));
    for (uint32_t layer = 0; layer < layers; ++layer) out.sparse[layer] = (layer + 1) % step == 0;
    TROUPE_ASSIGN(const std::vector<uint32_t> dense, config.indices("mlp_only_layers", layers));
    for (const uint32_t layer : dense) out.sparse[layer] = false;
  }
  out.experts = experts;
  return out;
}

}  // namespace troupe
