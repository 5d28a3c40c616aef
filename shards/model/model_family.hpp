// The families of models: what a file's "architectures" says without saying it. Each row tells how transformers'
// classes of that family behave, and the defaults of its configuration class; nothing else asks which family a model is
// of.
#pragma once

#include <cstdint>
#include <optional>
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

/// Which layers have experts, and how the file says it.
enum class expert_rule : uint8_t { none, mixtral, qwen };

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

  // Those of keys that only some families have; where there is none, the key means nothing. 0 is no cap.
  std::optional<double> query_pre_attn_scalar = {};
  std::optional<double> attn_logit_softcapping = {};
  std::optional<double> final_logit_softcapping = {};

  bias_rule biases = bias_rule::none;
  bool qk_norm = false;
  window_rule windows = window_rule::none;
  /// Of window_rule::pattern: the n; whether sliding_window_pattern may say otherwise.
  uint32_t pattern = 0;
  bool pattern_key = false;
  /// The window counts only where use_sliding_window is true.
  bool window_switch = false;
  /// Layers with a window have frequencies of their own.
  bool local_rope = false;
  /// partial_rotary_factor counts.
  bool partial_rotary = false;
  /// Gemma's ways: embeddings times sqrt(hidden), norms stored less one and around what is added too,
  /// hidden_activation.
  bool gemma = false;
  bool fused_projections = false;
  expert_rule experts = expert_rule::none;
};

/// By the name of the class; nullptr where it is not supported.
const model_family* find_family(std::string_view class_name);
const model_family& family_of(architecture kind);
/// "LlamaForCausalLM, ... and Qwen3ForCausalLM"
std::string supported_class_names();

}  // namespace troupe
