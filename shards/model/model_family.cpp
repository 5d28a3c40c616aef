#include "shards/model/model_family.hpp"

#include <algorithm>
#include <array>

#include "base/check.hpp"

namespace troupe {
namespace {

// transformers 5.23, models/*/configuration_*.py and modeling_*.py.
constexpr std::array families{
    model_family{.kind = architecture::llama,
                 .name = "llama",
                 .class_name = "LlamaForCausalLM",
                 .biases = bias_rule::all_if_attention_bias},
    model_family{.kind = architecture::mistral,
                 .name = "mistral",
                 .class_name = "MistralForCausalLM",
                 .window = 4096,
                 .windows = window_rule::all},
    model_family{.kind = architecture::qwen2,
                 .name = "qwen2",
                 .class_name = "Qwen2ForCausalLM",
                 .window = 4096,
                 .biases = bias_rule::qkv,
                 .windows = window_rule::from_layer,
                 .window_switch = true},
    model_family{.kind = architecture::qwen3,
                 .name = "qwen3",
                 .class_name = "Qwen3ForCausalLM",
                 .head_dim = 128,
                 .window = 4096,
                 .biases = bias_rule::all_if_attention_bias,
                 .qk_norm = true,
                 .windows = window_rule::from_layer,
                 .window_switch = true},
    model_family{.kind = architecture::phi3,
                 .name = "phi3",
                 .class_name = "Phi3ForCausalLM",
                 .rms_eps = 1e-5,
                 .windows = window_rule::all,
                 .partial_rotary = true,
                 .fused_projections = true},
    model_family{.kind = architecture::gemma2,
                 .name = "gemma2",
                 .class_name = "Gemma2ForCausalLM",
                 .tied_embeddings = true,
                 .head_dim = 256,
                 .window = 4096,
                 .query_pre_attn_scalar = 256,
                 .attn_logit_softcapping = 50,
                 .final_logit_softcapping = 30,
                 .biases = bias_rule::all_if_attention_bias,
                 .windows = window_rule::pattern,
                 .pattern = 2,
                 .gemma = true},
    model_family{.kind = architecture::gemma3,
                 .name = "gemma3",
                 .class_name = "Gemma3ForCausalLM",
                 .rope_theta = 1e6,
                 .tied_embeddings = true,
                 .head_dim = 256,
                 .window = 4096,
                 .query_pre_attn_scalar = 256,
                 .final_logit_softcapping = 0,
                 .biases = bias_rule::all_if_attention_bias,
                 .qk_norm = true,
                 .windows = window_rule::pattern,
                 .pattern = 6,
                 .pattern_key = true,
                 .local_rope = true,
                 .gemma = true},
    model_family{.kind = architecture::qwen3_moe,
                 .name = "qwen3_moe",
                 .class_name = "Qwen3MoeForCausalLM",
                 .window = 4096,
                 .biases = bias_rule::all_if_attention_bias,
                 .qk_norm = true,
                 .windows = window_rule::all,
                 .window_switch = true,
                 .experts = expert_rule::qwen},
    model_family{.kind = architecture::mixtral,
                 .name = "mixtral",
                 .class_name = "MixtralForCausalLM",
                 .rms_eps = 1e-5,
                 .rope_theta = 1e6,
                 .windows = window_rule::all,
                 .experts = expert_rule::mixtral},
};

}  // namespace

const model_family* find_family(std::string_view class_name) {
  const auto* found = std::ranges::find(families, class_name, &model_family::class_name);
  return found == families.end() ? nullptr : found;
}

const model_family& family_of(architecture kind) {
  const auto* found = std::ranges::find(families, kind, &model_family::kind);
  TROUPE_CHECK(found != families.end());
  return *found;
}

std::string supported_class_names() {
  std::string out;
  for (size_t i = 0; i < families.size(); ++i) {
    if (i > 0) out += i + 1 == families.size() ? " and " : ", ";
    out += families[i].class_name;
  }
  return out;
}

std::string_view name(architecture kind) { return family_of(kind).name; }

}  // namespace troupe
