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

void add_attention(const model_config& config, const std::string& prefix, layer_parts& layer) {
  const uint64_t hidden = config.hidden, q = config.q_size(), kv = config.kv_size();
  layer.query = matrix_part(prefix + "q_proj.weight", q, hidden);
  layer.key = matrix_part(prefix + "k_proj.weight", kv, hidden);
  layer.value = matrix_part(prefix + "v_proj.weight", kv, hidden);
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

}  // namespace

tensor_part embedding_part(const model_config& config) {
  return matrix_part("model.embed_tokens.weight", config.vocab_size, config.hidden);
}

layer_parts parts_of_layer(const model_config& config, uint32_t layer) {
  const std::string prefix = "model.layers." + std::to_string(layer) + ".";
  const uint64_t hidden = config.hidden, inner = config.intermediate;
  layer_parts parts;
  parts.input_norm = vector_part(prefix + "input_layernorm.weight", hidden);
  add_attention(config, prefix + "self_attn.", parts);
  parts.mlp_norm = vector_part(prefix + "post_attention_layernorm.weight", hidden);
  parts.mlp = {.gate = matrix_part(prefix + "mlp.gate_proj.weight", inner, hidden),
               .up = matrix_part(prefix + "mlp.up_proj.weight", inner, hidden),
               .down = matrix_part(prefix + "mlp.down_proj.weight", hidden, inner)};
  return parts;
}

tensor_part final_norm_part(const model_config& config) { return vector_part("model.norm.weight", config.hidden); }

tensor_part head_part(const model_config& config) {
  if (config.tied_embeddings) return embedding_part(config);
  return matrix_part("lm_head.weight", config.vocab_size, config.hidden);
}

}  // namespace troupe
