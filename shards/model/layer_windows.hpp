// Which layers of a model attend through a sliding window, and how wide it is: sliding_window, use_sliding_window,
// max_window_layers, layer_types and sliding_window_pattern of config.json, which each family reads in its own way.
#pragma once

#include <cstdint>
#include <vector>

#include "base/result.hpp"

namespace troupe {

class config_fields;
struct model_family;

struct layer_windows {
  /// Positions that a row sees, itself the last of them; 0: all before it.
  uint32_t window = 0;
  /// For each layer; empty: in none.
  std::vector<bool> sliding;
};

/// Errors name the key: corrupt; not_supported where the layers are others than the family's reference computes.
result<layer_windows> read_layer_windows(const config_fields& config, const model_family& family, uint32_t layers,
                                         uint32_t context_max);

}  // namespace troupe
