// The rotations of a model's layers: rope_theta, rope_scaling and rope_local_base_freq of transformers 4, or
// rope_parameters of transformers 5, which has one object or one for each type of layer.
#pragma once

#include <cstdint>
#include <optional>

#include "base/result.hpp"
#include "shards/model/rope_config.hpp"

namespace troupe {

class config_fields;
struct model_family;

struct model_ropes {
  rope_config rope;
  /// Of layers with a window, where it is another.
  std::optional<rope_config> sliding;
};

/// Errors name the key: corrupt, not_supported.
result<model_ropes> read_ropes(const config_fields& config, const model_family& family, uint32_t head_dim,
                               uint32_t context_max);

}  // namespace troupe
