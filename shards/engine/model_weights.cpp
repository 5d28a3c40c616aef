#include "shards/engine/model_weights.hpp"

#include <string>

#include "shards/engine/tensor_split.hpp"
#include "shards/model/model_config.hpp"
#include "shards/model/quantised_blocks.hpp"
#include "shards/model/weight_files.hpp"

namespace troupe {
namespace {

/// Where the matrices of the model come from: names and slices, for one rank.
class weight_map {
 public:
  weight_map(const model_config& config, const rank_slice& slice, uint32_t tp, uint32_t rank, const weight_files& files)
      : config_(config), slice_(slice), tp_(tp), rank_(rank), files_(files) {}

  result<matrix_source> qkv(uint32_t layer) const {
    const std::string prefix = layer_prefix(layer) + "self_attn.";
    const uint64_t dim = config_.head_dim;
    const half_open_range q{slice_.heads.begin * dim, slice_.heads.end * dim};
    const half_open_range kv{slice_.kv_heads.begin * dim, slice_.kv_heads.end * dim};
    matrix_source source{.column_end = config_.hidden};
    TROUPE_TRY(add_rows(source, prefix + "q_proj", config_.q_size(), q, config_.qkv_bias));
    TROUPE_TRY(add_rows(source, prefix + "k_proj", config_.kv_size(), kv, config_.qkv_bias));
    TROUPE_TRY(add_rows(source, prefix + "v_proj", config_.kv_size(), kv, config_.qkv_bias));
    return source;
  }

  result<matrix_source> output(uint32_t layer) const {
    return row_parallel(layer_prefix(layer) + "self_attn.o_proj.weight", config_.q_size());
  }

  result<matrix_source> gate_up(uint32_t layer) const {
    const std::string prefix = layer_prefix(layer) + "mlp.";
    matrix_source source{.column_end = config_.hidden, .finish = epilogue::silu_mul};
    TROUPE_TRY(add_rows(source, prefix + "gate_proj", config_.intermediate, slice_.intermediate, false));
    TROUPE_TRY(add_rows(source, prefix + "up_proj", config_.intermediate, slice_.intermediate, false));
    return source;
  }

  result<matrix_source> down(uint32_t layer) const {
    return row_parallel(layer_prefix(layer) + "mlp.down_proj.weight", config_.intermediate);
  }

  result<const tensor_view*> embedding() const {
    return tensor("model.embed_tokens.weight", {config_.vocab_size, config_.hidden});
  }

  result<matrix_source> head() const {
    matrix_source source{.column_end = config_.hidden};
    TROUPE_ASSIGN(const tensor_view* table, config_.tied_embeddings
                                                ? embedding()
                                                : tensor("lm_head.weight", {config_.vocab_size, config_.hidden}));
    source.parts.push_back({table, slice_.vocab.begin, slice_.vocab.end});
    return source;
  }

  result<const tensor_view*> vector(const std::string& name) const { return tensor(name, {config_.hidden}); }

  static std::string layer_prefix(uint32_t layer) { return "model.layers." + std::to_string(layer) + "."; }

 private:
  result<const tensor_view*> tensor(const std::string& name, std::vector<uint64_t> shape) const {
    return files_.weight(name, shape);
  }

  /// Column-parallel: this rank has rows of the weight, which are columns of the result.
  result<void> add_rows(matrix_source& source, const std::string& name, uint64_t rows, half_open_range mine,
                        bool bias) const {
    TROUPE_ASSIGN(const tensor_view* weight, tensor(name + ".weight", {rows, config_.hidden}));
    source.parts.push_back({weight, mine.begin, mine.end});
    if (bias) {
      TROUPE_ASSIGN(const tensor_view* values, tensor(name + ".bias", {rows}));
      source.biases.push_back(values);
    }
    return {};
  }

  /// Row-parallel: this rank has columns of the weight, which are part of K.
  result<matrix_source> row_parallel(const std::string& name, uint64_t columns) const {
    TROUPE_ASSIGN(const tensor_view* weight, tensor(name, {config_.hidden, columns}));
    const half_open_range mine = part_of(columns, rank_, tp_);
    return matrix_source{.parts = {{weight, 0, config_.hidden}},
                         .column_begin = mine.begin,
                         .column_end = mine.end,
                         .biases = {},
                         .finish = epilogue::partial,
                         .shard_bounds = shard_bounds_of(columns, tp_, rank_)};
  }

  const model_config& config_;
  const rank_slice& slice_;
  uint32_t tp_, rank_;
  const weight_files& files_;
};

result<float_buffer> load_vector(const tensor_view& tensor, backend& device) {
  TROUPE_ASSIGN(float_buffer buffer, device.allocate(tensor.elements()));
  read_f32(tensor, 0, std::span(buffer.data, buffer.size));
  return buffer;
}

/// One scale that is no finite number would spoil every answer, so it is looked for in each row before it is loaded.
result<std::unique_ptr<matrix>> load_matrix(const matrix_source& source, backend& device) {
  for (const weight_part& part : source.parts) TROUPE_TRY(check_scales(*part.tensor, part.row_begin, part.row_end));
  return device.load_matrix(source);
}

result<layer_weights> load_layer(const weight_map& map, const model_config& config, uint32_t layer, backend& device) {
  const std::string prefix = weight_map::layer_prefix(layer);
  layer_weights weights;
  TROUPE_ASSIGN(const tensor_view* input_norm, map.vector(prefix + "input_layernorm.weight"));
  TROUPE_ASSIGN(weights.input_norm, load_vector(*input_norm, device));
  TROUPE_ASSIGN(const tensor_view* post_norm, map.vector(prefix + "post_attention_layernorm.weight"));
  TROUPE_ASSIGN(weights.post_norm, load_vector(*post_norm, device));
  if (config.output_bias) {
    TROUPE_ASSIGN(const tensor_view* bias, map.vector(prefix + "self_attn.o_proj.bias"));
    TROUPE_ASSIGN(weights.output_bias, load_vector(*bias, device));
  }
  TROUPE_ASSIGN(const matrix_source qkv, map.qkv(layer));
  TROUPE_ASSIGN(weights.qkv, load_matrix(qkv, device));
  TROUPE_ASSIGN(const matrix_source output, map.output(layer));
  TROUPE_ASSIGN(weights.output, load_matrix(output, device));
  TROUPE_ASSIGN(const matrix_source gate_up, map.gate_up(layer));
  TROUPE_ASSIGN(weights.gate_up, load_matrix(gate_up, device));
  TROUPE_ASSIGN(const matrix_source down, map.down(layer));
  TROUPE_ASSIGN(weights.down, load_matrix(down, device));
  return weights;
}

}  // namespace

result<uint64_t> model_weights_bytes(const model_config& config, const rank_slice& slice, uint32_t tp, uint32_t rank,
                                     const weight_files& files, const backend& device) {
  const weight_map map(config, slice, tp, rank, files);
  TROUPE_ASSIGN(const matrix_source head, map.head());
  uint64_t bytes = device.matrix_bytes(head);
  for (uint32_t layer = 0; layer < config.layers; ++layer) {
    TROUPE_ASSIGN(const matrix_source qkv, map.qkv(layer));
    TROUPE_ASSIGN(const matrix_source output, map.output(layer));
    TROUPE_ASSIGN(const matrix_source gate_up, map.gate_up(layer));
    TROUPE_ASSIGN(const matrix_source down, map.down(layer));
    for (const matrix_source* source : {&qkv, &output, &gate_up, &down}) bytes += device.matrix_bytes(*source);
    bytes += uint64_t{3} * config.hidden * sizeof(float);
  }
  return bytes;
}

result<model_weights> load_model_weights(const model_config& config, const rank_slice& slice, uint32_t tp,
                                         uint32_t rank, const weight_files& files, backend& device,
                                         communicator& group) {
  const weight_map map(config, slice, tp, rank, files);
  model_weights weights;
  TROUPE_ASSIGN(weights.embedding, map.embedding());
  TROUPE_TRY(check_scales(*weights.embedding));
  for (uint32_t layer = 0; layer < config.layers; ++layer) {
    TROUPE_TRY(group.check());
    TROUPE_ASSIGN(layer_weights loaded, load_layer(map, config, layer, device));
    weights.layers.push_back(std::move(loaded));
  }
  TROUPE_ASSIGN(const tensor_view* final_norm, map.vector("model.norm.weight"));
  TROUPE_ASSIGN(weights.final_norm, load_vector(*final_norm, device));
  TROUPE_ASSIGN(const matrix_source head, map.head());
  TROUPE_ASSIGN(weights.head, load_matrix(head, device));
  return weights;
}

}  // namespace troupe
