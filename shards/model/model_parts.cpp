#include "shards/model/model_parts.hpp"

#include "shards/model/model_config.hpp"

namespace troupe {
namespace {

tensor_part matrix_part(std::string name, uint64_t outputs, uint64_t inputs) {
  return {.name = std::move(name), .shape = {outputs, inputs}, .rows = outputs};
}

tensor_part vector_part(std::string name, uint64_t size) {
  return {.name = std::move(name), .shape = {size}, .rows = size};
}

/// Rows of `whole`, the next `rows` after those of `before`.
tensor_part rows_after(const tensor_part& before, uint64_t rows) {
  return {.name = before.name, .shape = before.shape, .first_row = before.first_row + before.rows, .rows = rows};
}

/// The first `rows` of a tensor that has more.
tensor_part first_rows(std::string name, uint64_t all_rows, uint64_t inputs, uint64_t rows) {
  return {.name = std::move(name), .shape = {all_rows, inputs}, .rows = rows};
}

void add_attention(const model_config& config, const std::string& prefix, layer_parts& layer) {
  const uint64_t hidden = config.hidden, q = config.q_size(), kv = config.kv_size();
  if (config.fused_projections) {
    layer.query = first_rows(prefix + "qkv_proj.weight", q + 2 * kv, hidden, q);
    layer.key = rows_after(layer.query, kv);
    layer.value = rows_after(layer.key, kv);
  } else {
    layer.query = matrix_part(prefix + "q_proj.weight", q, hidden);
    layer.key = matrix_part(prefix + "k_proj.weight", kv, hidden);
    layer.value = matrix_part(prefix + "v_proj.weight", kv, hidden);
  }
  layer.output = matrix_part(prefix + "o_proj.weight", hidden, q);
  if (config.qkv_bias) {
    layer.query_bias = vector_part(prefix + "q_proj.bias", q);
    layer.key_bias = vector_part(prefix + "k_proj.bias", kv);
    layer.value_bias = vector_part(prefix + "v_proj.bias", kv);
  }
  if (config.output_bias) layer.output_bias = vector_part(prefix + "o_proj.bias", hidden);
  if (config.qk_norm) {
    layer.query_norm = vector_part(prefix + "q_norm.weight", config.head_dim);
    layer.key_norm = vector_part(prefix + "k_norm.weight", config.head_dim);
  }
}

mlp_parts mlp_of(const model_config& config, const std::string& prefix) {
  const uint64_t hidden = config.hidden, inner = config.intermediate;
  mlp_parts mlp;
  if (config.fused_projections) {
    mlp.gate = first_rows(prefix + "gate_up_proj.weight", 2 * inner, hidden, inner);
    mlp.up = rows_after(mlp.gate, inner);
  } else {
    mlp.gate = matrix_part(prefix + "gate_proj.weight", inner, hidden);
    mlp.up = matrix_part(prefix + "up_proj.weight", inner, hidden);
  }
  mlp.down = matrix_part(prefix + "down_proj.weight", hidden, inner);
  return mlp;
}

void add_experts(const model_config& config, const std::string& prefix, layer_parts& layer) {
  const expert_config& experts = *config.experts;
  const uint64_t hidden = config.hidden, inner = experts.intermediate;
  const std::string block = prefix + (experts.mixtral_names ? "block_sparse_moe." : "mlp.");
  layer.router = matrix_part(block + "gate.weight", experts.count, hidden);
  for (uint32_t expert = 0; expert < experts.count; ++expert) {
    const std::string one = block + "experts." + std::to_string(expert) + ".";
    const bool short_names = experts.mixtral_names;
    layer.mlps.push_back({.gate = matrix_part(one + (short_names ? "w1.weight" : "gate_proj.weight"), inner, hidden),
                          .up = matrix_part(one + (short_names ? "w3.weight" : "up_proj.weight"), inner, hidden),
                          .down = matrix_part(one + (short_names ? "w2.weight" : "down_proj.weight"), hidden, inner)});
  }
}

}  // namespace

tensor_part embedding_part(const model_config& config) {
  return matrix_part("model.embed_tokens.weight", config.vocab_size, config.hidden);
}

layer_parts parts_of_layer(const model_config& config, uint32_t layer) {
  const std::string prefix = "model.layers." + std::to_string(layer) + ".";
  const auto norm = [&](const char* name) { return vector_part(prefix + name, config.hidden); };
  layer_parts parts;
  parts.input_norm = norm("input_layernorm.weight");
  add_attention(config, prefix + "self_attn.", parts);
  if (config.output_norms) {
    parts.output_norm = norm("post_attention_layernorm.weight");
    parts.mlp_norm = norm("pre_feedforward_layernorm.weight");
    parts.down_norm = norm("post_feedforward_layernorm.weight");
  } else {
    parts.mlp_norm = norm("post_attention_layernorm.weight");
  }
  if (config.is_sparse(layer)) {
    add_experts(config, prefix, parts);
  } else {
    parts.mlps.push_back(mlp_of(config, prefix + "mlp."));
  }
  return parts;
}

tensor_part final_norm_part(const model_config& config) { return vector_part("model.norm.weight", config.hidden); }

tensor_part head_part(const model_config& config) {
  if (config.tied_embeddings) return embedding_part(config);
  return matrix_part("lm_head.weight", config.vocab_size, config.hidden);
}

}  // namespace troupe
