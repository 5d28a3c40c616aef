// The layers of a model on one rank: tokens in, normed rows for the output projection out. Which norms, windows and
// rotations a layer has, model_config says.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "base/result.hpp"
#include "shards/engine/backend.hpp"
#include "shards/engine/communicator.hpp"
#include "shards/engine/expert_mixture.hpp"
#include "shards/engine/model_weights.hpp"
#include "shards/engine/rotary.hpp"
#include "shards/engine/tensor_split.hpp"
#include "shards/model/model_config.hpp"

namespace troupe {

struct forward_limits {
  /// Tokens of one step.
  uint32_t rows_max = 0;
  /// Of a sequence.
  uint32_t positions = 0;
  uint32_t kv_pages = 0;
  /// As in kv_shape.
  bool kv_bf16 = false;
};

class forward_pass {
 public:
  /// `device`, `group` and the weights' files must outlive the result. Errors: out_of_memory.
  static result<std::unique_ptr<forward_pass>> make(const model_config& model, const rank_slice& slice,
                                                    const forward_limits& limits, model_weights weights,
                                                    backend& device, communicator& group);
  /// What make() allocates beside keys and values.
  static uint64_t floats(const model_config& model, const rank_slice& slice, uint32_t tp, const forward_limits& limits);
  static kv_shape kv(const model_config& model, const rank_slice& slice, const forward_limits& limits);

  /// Runs all layers, and the last norm. The result, (tokens, hidden), is valid until the next run; its rows are
  /// padded. At most rows_max tokens, each at its place. Errors: the communicator's.
  result<rows_view> run(std::span<const token_id> tokens, std::span<const row_place> places);

  const model_weights& weights() const { return weights_; }

 private:
  /// Layers of one kind: those with a window, and those without.
  struct layer_kind {
    attention_shape attention;
    rotary_view rotary;
  };

  forward_pass(const model_config& model, model_weights weights, backend& device, communicator& group)
      : model_(model), weights_(std::move(weights)), device_(device), group_(group) {}

  result<void> allocate(const rank_slice& slice, const forward_limits& limits);
  result<void> embed(std::span<const token_id> tokens);
  result<sublayer_sum> run_layer(uint32_t layer, const sublayer_sum& before, std::span<const row_place> places);
  result<sublayer_sum> attend(uint32_t layer, std::span<const row_place> places);
  result<sublayer_sum> run_mlp(uint32_t layer, uint32_t rows);
  void add_norm(const sublayer_sum& added, const float_buffer& norm, uint32_t rows);

  model_config model_;
  model_weights weights_;
  backend& device_;
  communicator& group_;

  rotary_tables rotary_, sliding_rotary_;
  layer_kind full_, sliding_;
  std::optional<expert_mixture> mixture_;
  std::unique_ptr<kv_memory> kv_;
  /// A view of the rows of the embedding that a step wants, as they are in the file.
  tensor_view embedding_rows_;
  /// residual_ lasts; input_ is what a product reads, normed or attended; between_ what is between two products.
  float_buffer residual_, input_, between_;
  size_t qkv_width_ = 0, attended_width_ = 0, inner_width_ = 0;
};

}  // namespace troupe
