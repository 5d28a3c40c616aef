// Which layers of a model have experts in place of one MLP, and what they are: num_experts, num_experts_per_tok,
// moe_intermediate_size, decoder_sparse_step ... of config.json.
#pragma once

#include <optional>
#include <vector>

#include "base/result.hpp"
#include "shards/model/model_config.hpp"

namespace troupe {

class config_fields;
struct model_family;

struct layer_experts {
  std::optional<expert_config> experts;
  /// For each layer; empty where there are no experts.
  std::vector<bool> sparse;
};

/// `layers` and `intermediate` are the model's. Errors name the key: corrupt.
result<layer_experts> read_layer_experts(const config_fields& config, const model_family& family, uint32_t layers,
                                         uint32_t intermediate);

}  // namespace troupe
