// Where the parts of a model lie in its files: the names and shapes of transformers, which differ between families.
// Linear layers are (outputs, inputs). Some families keep several parts in one tensor, one below the other.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace troupe {

struct model_config;

/// Rows [first_row, first_row + rows) of a tensor.
struct tensor_part {
  std::string name;
  std::vector<uint64_t> shape;  // of the whole tensor
  uint64_t first_row = 0, rows = 0;
};

struct mlp_parts {
  tensor_part gate, up, down;
};

struct layer_parts {
  tensor_part input_norm;
  tensor_part query, key, value, output;
  std::optional<tensor_part> query_bias, key_bias, value_bias, output_bias;
  /// (head_dim), for every head.
  std::optional<tensor_part> query_norm, key_norm;
  /// Of what attention adds to the residual, before it is added; and of what the MLP adds.
  std::optional<tensor_part> output_norm, down_norm;
  tensor_part mlp_norm;
  /// (experts, hidden).
  std::optional<tensor_part> router;
  /// One for each expert; without a router, one.
  std::vector<mlp_parts> mlps;
};

tensor_part embedding_part(const model_config& config);
layer_parts parts_of_layer(const model_config& config, uint32_t layer);
tensor_part final_norm_part(const model_config& config);
/// The embedding where both are one.
tensor_part head_part(const model_config& config);

}  // namespace troupe
