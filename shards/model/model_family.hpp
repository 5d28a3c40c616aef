// The families of models: what a file's "architectures" says without saying it. Each row tells how transformers'
// classes of that family behave, and the defaults of its configuration class; nothing else asks which family a model is
// of.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "shards/model/model_config.hpp"

namespace troupe {

/// Which projections of attention have a bias.
enum class bias_rule : uint8_t { none, qkv, all_if_attention_bias };

/// Which layers look through the window of sliding_window.
enum class window_rule : uint8_t {
  none,
  all,
  /// Those from max_window_layers on, or as layer_types says.
  from_layer,
  /// All but each n-th, or as layer_types says.
  pattern,
};

struct model_family {
  architecture kind;
  std::string_view name;        // "qwen3"
  std::string_view class_name;  // "Qwen3ForCausalLM"

  // The defaults of keys that a file may leave out.
  double rms_eps = 1e-6;
  double rope_theta = 10000;
  bool tied_embeddings = false;
  uint32_t head_dim = 0;  // 0: hidden / heads
  uint32_t window = 0;    // 0: none

  bias_rule biases = bias_rule::none;
  bool qk_norm = false;
  window_rule windows = window_rule::none;
  /// The window counts only where use_sliding_window is true.
  bool window_switch = false;
};

/// By the name of the class; nullptr where it is not supported.
const model_family* find_family(std::string_view class_name);
const model_family& family_of(architecture kind);
/// "LlamaForCausalLM, ... and Qwen3ForCausalLM"
std::string supported_class_names();

}  // namespace troupe
