#include "shards/model/gguf_families.hpp"

#include <algorithm>
#include <array>

namespace troupe {
namespace {

// gguf-py/gguf/tensor_mapping.py of github.com/ggml-org/llama.cpp has both sides of these names.
constexpr std::array<gguf_stem, 3> model_stems{
    {{"token_embd", "model.embed_tokens"}, {"output_norm", "model.norm"}, {"output", "lm_head"}}};

/// Several tables as one.
template <size_t... sizes>
constexpr auto joined(const std::array<gguf_stem, sizes>&... parts) {
  std::array<gguf_stem, (sizes + ...)> all{};
  auto at = all.begin();
  ((at = std::ranges::copy(parts, at).out), ...);
  return all;
}

constexpr auto attention_stems = std::to_array<gguf_stem>({{"attn_norm", "input_layernorm"},
                                                           {"attn_q", "self_attn.q_proj"},
                                                           {"attn_k", "self_attn.k_proj"},
                                                           {"attn_v", "self_attn.v_proj"},
                                                           {"attn_output", "self_attn.o_proj"}});
constexpr auto head_norm_stems =
    std::to_array<gguf_stem>({{"attn_q_norm", "self_attn.q_norm"}, {"attn_k_norm", "self_attn.k_norm"}});
constexpr auto mlp_norm_stems = std::to_array<gguf_stem>({{"ffn_norm", "post_attention_layernorm"}});
constexpr auto mlp_stems =
    std::to_array<gguf_stem>({{"ffn_gate", "mlp.gate_proj"}, {"ffn_up", "mlp.up_proj"}, {"ffn_down", "mlp.down_proj"}});

constexpr auto llama_stems = joined(attention_stems, head_norm_stems, mlp_norm_stems, mlp_stems,
                                    std::to_array<gguf_stem>({{"ffn_gate_inp", "mlp.gate"},
                                                              {"ffn_gate_exps", "mlp.experts.*.gate_proj"},
                                                              {"ffn_up_exps", "mlp.experts.*.up_proj"},
                                                              {"ffn_down_exps", "mlp.experts.*.down_proj"}}));

constexpr auto mixtral_stems = joined(attention_stems, mlp_norm_stems,
                                      std::to_array<gguf_stem>({{"ffn_gate_inp", "block_sparse_moe.gate"},
                                                                {"ffn_gate_exps", "block_sparse_moe.experts.*.w1"},
                                                                {"ffn_up_exps", "block_sparse_moe.experts.*.w3"},
                                                                {"ffn_down_exps", "block_sparse_moe.experts.*.w2"}}));

constexpr auto phi3_stems = joined(mlp_norm_stems, std::to_array<gguf_stem>({{"attn_norm", "input_layernorm"},
                                                                             {"attn_qkv", "self_attn.qkv_proj"},
                                                                             {"attn_output", "self_attn.o_proj"},
                                                                             {"ffn_up", "mlp.gate_up_proj"},
                                                                             {"ffn_down", "mlp.down_proj"}}));

constexpr auto gemma_stems = joined(attention_stems, head_norm_stems, mlp_stems,
                                    std::to_array<gguf_stem>({{"post_attention_norm", "post_attention_layernorm"},
                                                              {"ffn_norm", "pre_feedforward_layernorm"},
                                                              {"post_ffw_norm", "post_feedforward_layernorm"}}));

// Mistral's files say llama too, and so do Mixtral's. Those of this architecture alone are written with the order of
// rows that Meta's own rotation wants (convert_hf_to_gguf.py, LlamaModel.permute). Gemma's numbers of layers are those
// of its models of 27 billion weights.
constexpr auto families = std::to_array<gguf_family>(
    {{.architecture = "llama", .config_name = "LlamaForCausalLM", .layer_stems = llama_stems, .paired_rows = true},
     {.architecture = "llama",
      .has_experts = true,
      .config_name = "MixtralForCausalLM",
      .layer_stems = mixtral_stems,
      .paired_rows = true},
     {.architecture = "qwen2", .config_name = "Qwen2ForCausalLM", .layer_stems = llama_stems},
     {.architecture = "qwen3", .config_name = "Qwen3ForCausalLM", .layer_stems = llama_stems},
     {.architecture = "qwen3moe",
      .has_experts = true,
      .config_name = "Qwen3MoeForCausalLM",
      .layer_stems = llama_stems},
     {.architecture = "phi3", .config_name = "Phi3ForCausalLM", .layer_stems = phi3_stems},
     {.architecture = "gemma2",
      .config_name = "Gemma2ForCausalLM",
      .layer_stems = gemma_stems,
      .gemma = true,
      .layers_with_wide_scores = 46},
     {.architecture = "gemma3",
      .config_name = "Gemma3ForCausalLM",
      .layer_stems = gemma_stems,
      .gemma = true,
      .layers_with_wide_scores = 62}});

constexpr std::string_view block_prefix = "blk.";

struct split_name {
  std::string_view layer;  // digits, or empty
  std::string_view stem;
  std::string_view suffix;  // ".weight", ".bias"
};

std::optional<split_name> split(std::string_view name) {
  split_name out;
  if (name.starts_with(block_prefix)) {
    name.remove_prefix(block_prefix.size());
    const size_t dot = name.find('.');
    if (dot == 0 || dot == std::string_view::npos) return std::nullopt;
    out.layer = name.substr(0, dot);
    if (!std::ranges::all_of(out.layer, [](char c) { return c >= '0' && c <= '9'; })) return std::nullopt;
    name.remove_prefix(dot + 1);
  }
  const size_t dot = name.rfind('.');
  if (dot == std::string_view::npos) return std::nullopt;
  out.stem = name.substr(0, dot);
  out.suffix = name.substr(dot);
  if (out.suffix != ".weight" && out.suffix != ".bias") return std::nullopt;
  return out;
}

}  // namespace

const gguf_family* find_gguf_family(std::string_view architecture, bool has_experts) {
  const auto* found = std::ranges::find_if(families, [&](const gguf_family& family) {
    return family.architecture == architecture && family.has_experts == has_experts;
  });
  return found == families.end() ? nullptr : found;
}

std::string known_gguf_families() {
  std::string out;
  for (size_t i = 0; i < families.size(); ++i) {
    if (i > 0) out += i + 1 == families.size() ? " and " : ", ";
    out += families[i].architecture;
    if (families[i].has_experts) out += " with experts";
  }
  return out;
}

std::optional<std::string> model_tensor_name(const gguf_family& family, std::string_view in_file) {
  const auto parts = split(in_file);
  if (!parts) return std::nullopt;
  const bool of_layer = !parts->layer.empty();
  const auto stems = of_layer ? family.layer_stems : std::span<const gguf_stem>(model_stems);
  const auto found = std::ranges::find(stems, parts->stem, &gguf_stem::in_file);
  if (found == stems.end()) return std::nullopt;
  std::string name = of_layer ? "model.layers." + std::string(parts->layer) + "." : "";
  return name.append(found->in_model).append(parts->suffix);
}

bool is_query_or_key(std::string_view in_file) {
  const auto parts = split(in_file);
  return parts && !parts->layer.empty() && (parts->stem == "attn_q" || parts->stem == "attn_k");
}

}  // namespace troupe
