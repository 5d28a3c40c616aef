#include "shards/engine/model_weights.hpp"

#include <algorithm>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "shards/engine/tensor_split.hpp"
#include "shards/model/model_config.hpp"
#include "shards/model/model_parts.hpp"
#include "shards/model/quantised_blocks.hpp"
#include "shards/model/weight_files.hpp"

namespace troupe {
namespace {

struct mlp_sources {
  matrix_source gate_up, down;
};

struct layer_sources {
  matrix_source qkv, output;
  std::optional<matrix_source> router;
  std::vector<mlp_sources> mlps;
};

/// Where the matrices of one rank come from: tensors and slices.
class source_map {
 public:
  source_map(const model_config& config, const rank_slice& slice, uint32_t tp, uint32_t rank, const weight_files& files)
      : config_(config), slice_(slice), tp_(tp), rank_(rank), files_(files) {}

  result<layer_sources> layer(const layer_parts& parts) const {
    layer_sources sources;
    TROUPE_ASSIGN(sources.qkv, qkv(parts));
    TROUPE_ASSIGN(sources.output, row_parallel(parts.output, epilogue::partial));
    if (parts.router) {
      sources.router = matrix_source{.column_end = config_.hidden, .as_f32 = true};
      TROUPE_TRY(add_rows(*sources.router, *parts.router, {0, parts.router->rows}));
    }
    const half_open_range inner = parts.router ? slice_.expert_intermediate : slice_.intermediate;
    const epilogue down = parts.router ? epilogue::shards : epilogue::partial;
    for (const mlp_parts& one : parts.mlps) {
      TROUPE_ASSIGN(mlp_sources mlp, mlp_of(one, inner, down));
      sources.mlps.push_back(std::move(mlp));
    }
    return sources;
  }

  result<matrix_source> head() const {
    matrix_source source{.column_end = config_.hidden};
    TROUPE_TRY(add_rows(source, head_part(config_), slice_.vocab));
    return source;
  }

  result<const tensor_view*> tensor(const tensor_part& part) const { return files_.weight(part.name, part.shape); }

 private:
  result<matrix_source> qkv(const layer_parts& parts) const {
    const uint64_t dim = config_.head_dim;
    const half_open_range q{slice_.heads.begin * dim, slice_.heads.end * dim};
    const half_open_range kv{slice_.kv_heads.begin * dim, slice_.kv_heads.end * dim};
    matrix_source source{.column_end = config_.hidden};
    TROUPE_TRY(add_rows(source, parts.query, q, parts.query_bias));
    TROUPE_TRY(add_rows(source, parts.key, kv, parts.key_bias));
    TROUPE_TRY(add_rows(source, parts.value, kv, parts.value_bias));
    return source;
  }

  result<mlp_sources> mlp_of(const mlp_parts& parts, half_open_range inner, epilogue down) const {
    mlp_sources sources;
    sources.gate_up.column_end = config_.hidden;
    sources.gate_up.finish = config_.gate == activation::silu ? epilogue::silu_mul : epilogue::gelu_mul;
    TROUPE_TRY(add_rows(sources.gate_up, parts.gate, inner));
    TROUPE_TRY(add_rows(sources.gate_up, parts.up, inner));
    TROUPE_ASSIGN(sources.down, row_parallel(parts.down, down));
    return sources;
  }

  /// Column-parallel: this rank has rows of the weight, which are columns of the result.
  result<void> add_rows(matrix_source& source, const tensor_part& part, half_open_range mine,
                        const std::optional<tensor_part>& bias = {}) const {
    TROUPE_ASSIGN(const tensor_view* weight, tensor(part));
    source.parts.push_back({weight, part.first_row + mine.begin, part.first_row + mine.end});
    if (bias) {
      TROUPE_ASSIGN(const tensor_view* values, tensor(*bias));
      source.biases.push_back(values);
    }
    return {};
  }

  /// Row-parallel: this rank has columns of the weight, which are part of K.
  result<matrix_source> row_parallel(const tensor_part& part, epilogue finish) const {
    TROUPE_ASSIGN(const tensor_view* weight, tensor(part));
    const uint64_t columns = part.shape.back();
    const half_open_range mine = part_of(columns, rank_, tp_);
    return matrix_source{.parts = {{weight, 0, config_.hidden}},
                         .column_begin = mine.begin,
                         .column_end = mine.end,
                         .biases = {},
                         .finish = finish,
                         .shard_bounds = shard_bounds_of(columns, tp_, rank_)};
  }

  const model_config& config_;
  const rank_slice& slice_;
  uint32_t tp_, rank_;
  const weight_files& files_;
};

std::vector<matrix_source> matrices_of(layer_sources sources) {
  std::vector<matrix_source> all;
  all.reserve(3 + 2 * sources.mlps.size());
  all.push_back(std::move(sources.qkv));
  all.push_back(std::move(sources.output));
  if (sources.router) all.push_back(std::move(*sources.router));
  for (mlp_sources& mlp : sources.mlps) {
    all.push_back(std::move(mlp.gate_up));
    all.push_back(std::move(mlp.down));
  }
  return all;
}

uint64_t vector_bytes(const tensor_part& part) { return part.shape.front() * sizeof(float); }

/// Of norms, and of the bias that is added after the sum over the ranks.
uint64_t vectors_bytes(const layer_parts& parts) {
  uint64_t bytes = vector_bytes(parts.input_norm) + vector_bytes(parts.mlp_norm);
  for (const auto* part :
       {&parts.query_norm, &parts.key_norm, &parts.output_bias, &parts.output_norm, &parts.down_norm})
    if (*part) bytes += vector_bytes(**part);
  return bytes;
}

class layer_loader {
 public:
  layer_loader(const source_map& map, float norm_offset, backend& device)
      : map_(map), norm_offset_(norm_offset), device_(device) {}

  result<layer_weights> load(const layer_parts& parts) const {
    layer_weights weights;
    TROUPE_ASSIGN(weights.input_norm, norm(parts.input_norm));
    TROUPE_ASSIGN(weights.query_norm, norm_if(parts.query_norm));
    TROUPE_ASSIGN(weights.key_norm, norm_if(parts.key_norm));
    if (parts.output_bias) {
      TROUPE_ASSIGN(weights.output_bias, vector(*parts.output_bias));
    }
    TROUPE_ASSIGN(weights.output_norm, norm_if(parts.output_norm));
    TROUPE_ASSIGN(weights.mlp_norm, norm(parts.mlp_norm));
    TROUPE_ASSIGN(weights.down_norm, norm_if(parts.down_norm));
    TROUPE_ASSIGN(const layer_sources sources, map_.layer(parts));
    TROUPE_ASSIGN(weights.qkv, load_matrix(sources.qkv));
    TROUPE_ASSIGN(weights.output, load_matrix(sources.output));
    if (sources.router) {
      TROUPE_ASSIGN(weights.router, load_matrix(*sources.router));
    }
    for (const mlp_sources& mlp : sources.mlps) {
      mlp_weights& loaded = weights.mlps.emplace_back();
      TROUPE_ASSIGN(loaded.gate_up, load_matrix(mlp.gate_up));
      TROUPE_ASSIGN(loaded.down, load_matrix(mlp.down));
    }
    return weights;
  }

  /// One scale that is no finite number would spoil every answer, so it is looked for in each row before it is loaded.
  result<std::unique_ptr<matrix>> load_matrix(const matrix_source& source) const {
    for (const weight_part& part : source.parts) TROUPE_TRY(check_scales(*part.tensor, part.row_begin, part.row_end));
    return device_.load_matrix(source);
  }

  result<float_buffer> norm(const tensor_part& part) const {
    TROUPE_ASSIGN(float_buffer buffer, vector(part));
    for (float& weight : std::span(buffer.data, buffer.size)) weight += norm_offset_;
    return buffer;
  }

 private:
  result<float_buffer> norm_if(const std::optional<tensor_part>& part) const {
    if (!part) return float_buffer{};
    return norm(*part);
  }

  result<float_buffer> vector(const tensor_part& part) const {
    TROUPE_ASSIGN(const tensor_view* tensor, map_.tensor(part));
    TROUPE_ASSIGN(float_buffer buffer, device_.allocate(tensor->elements()));
    read_f32(*tensor, 0, std::span(buffer.data, buffer.size));
    return buffer;
  }

  const source_map& map_;
  float norm_offset_;
  backend& device_;
};

}  // namespace

result<model_weights_sizes> sizes_of_model_weights(const model_config& config, const rank_slice& slice, uint32_t tp,
                                                   uint32_t rank, const weight_files& files, const backend& device,
                                                   uint32_t rows) {
  const source_map map(config, slice, tp, rank, files);
  model_weights_sizes sizes;
  const auto add = [&](std::span<const matrix_source> sources) {
    for (const matrix_source& source : sources) sizes.bytes += device.matrix_bytes(source);
    sizes.rows_bytes = std::max(sizes.rows_bytes, device.rows_bytes(sources, rows));
  };
  TROUPE_ASSIGN(const matrix_source head, map.head());
  add({&head, 1});
  sizes.bytes += vector_bytes(final_norm_part(config));
  for (uint32_t layer = 0; layer < config.layers; ++layer) {
    const layer_parts parts = parts_of_layer(config, layer);
    TROUPE_ASSIGN(layer_sources sources, map.layer(parts));
    add(matrices_of(std::move(sources)));
    sizes.bytes += vectors_bytes(parts);
  }
  TROUPE_TRY(map.tensor(embedding_part(config)));
  return sizes;
}

result<model_weights> load_model_weights(const model_config& config, const rank_slice& slice, uint32_t tp,
                                         uint32_t rank, const weight_files& files, backend& device,
                                         communicator& group) {
  const source_map map(config, slice, tp, rank, files);
  const layer_loader loader(map, config.norms_less_one ? 1.0F : 0.0F, device);
  model_weights weights;
  TROUPE_ASSIGN(weights.embedding, map.tensor(embedding_part(config)));
  TROUPE_TRY(check_scales(*weights.embedding));
  weights.files = &files;
  for (uint32_t layer = 0; layer < config.layers; ++layer) {
    TROUPE_TRY(group.check());
    TROUPE_ASSIGN(layer_weights loaded, loader.load(parts_of_layer(config, layer)));
    weights.layers.push_back(std::move(loaded));
  }
  TROUPE_ASSIGN(weights.final_norm, loader.norm(final_norm_part(config)));
  TROUPE_ASSIGN(const matrix_source head, map.head());
  TROUPE_ASSIGN(weights.head, loader.load_matrix(head));
  return weights;
}

}  // namespace troupe
