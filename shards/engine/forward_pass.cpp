#include "shards/engine/forward_pass.hpp"

#include <algorithm>
#include <cmath>

#include "base/check.hpp"
#include "shards/model/weight_files.hpp"

namespace troupe {
namespace {

/// How wide a row of each activation is.
struct row_widths {
  size_t hidden = 0, qkv = 0, attended = 0, inner = 0;

  /// What the layers read, normed or attended: never both at once.
  size_t input() const { return std::max(padded(hidden), padded(attended)); }
  /// Embeddings as stored, of at most 4 bytes a value, then queries, keys and values, then the MLP's: one after the
  /// other.
  size_t between() const { return std::max({padded(hidden), padded(qkv), padded(inner)}); }
  size_t floats_per_row() const { return padded(hidden) + input() + between(); }
};

row_widths widths_of(const model_config& model, const rank_slice& slice) {
  return {.hidden = model.hidden,
          .qkv = (slice.heads.size() + 2 * slice.kv_heads.size()) * model.head_dim,
          .attended = slice.heads.size() * model.head_dim,
          .inner = slice.intermediate.size()};
}

attention_shape shape_of(const model_config& model, const rank_slice& slice, uint32_t window) {
  return {.heads = static_cast<uint32_t>(slice.heads.size()),
          .kv_heads = static_cast<uint32_t>(slice.kv_heads.size()),
          .head_dim = model.head_dim,
          .kv_of_head = slice.kv_of_head,
          .scale = 1.0F / std::sqrt(static_cast<float>(model.score_scalar)),
          .softcap = static_cast<float>(model.score_softcap),
          .window = window};
}

mixture_shape mixture_of(const model_config& model, const rank_slice& slice, uint32_t tp) {
  return {.experts = *model.experts,
          .hidden = model.hidden,
          .inner = slice.expert_intermediate.size(),
          .shards = reduction_shards / tp};
}

}  // namespace

uint64_t forward_pass::floats(const model_config& model, const rank_slice& slice, uint32_t tp,
                              const forward_limits& limits) {
  uint64_t floats = limits.rows_max * widths_of(model, slice).floats_per_row();
  floats += rotary_tables::floats(model.rope, limits.positions);
  if (model.sliding_rope) floats += rotary_tables::floats(*model.sliding_rope, limits.positions);
  if (model.experts) floats += expert_mixture::floats(mixture_of(model, slice, tp), limits.rows_max);
  return floats;
}

kv_shape forward_pass::kv(const model_config& model, const rank_slice& slice, const forward_limits& limits) {
  return {model.layers, limits.kv_pages, static_cast<uint32_t>(slice.kv_heads.size()), model.head_dim, limits.kv_bf16};
}

result<std::unique_ptr<forward_pass>> forward_pass::make(const model_config& model, const rank_slice& slice,
                                                         const forward_limits& limits, model_weights weights,
                                                         backend& device, communicator& group) {
  std::unique_ptr<forward_pass> pass(new forward_pass(model, std::move(weights), device, group));
  TROUPE_TRY(pass->allocate(slice, limits));
  return pass;
}

result<void> forward_pass::allocate(const rank_slice& slice, const forward_limits& limits) {
  const row_widths widths = widths_of(model_, slice);
  qkv_width_ = widths.qkv;
  attended_width_ = widths.attended;
  inner_width_ = widths.inner;
  const size_t rows = limits.rows_max;
  TROUPE_ASSIGN(residual_, device_.allocate(rows * padded(widths.hidden)));
  TROUPE_ASSIGN(input_, device_.allocate(rows * widths.input()));
  TROUPE_ASSIGN(between_, device_.allocate(rows * widths.between()));
  TROUPE_ASSIGN(rotary_, rotary_tables::make(model_.rope, limits.positions, device_));
  if (model_.experts) {
    const mixture_shape shape = mixture_of(model_, slice, group_.size());
    TROUPE_ASSIGN(mixture_, expert_mixture::make(shape, limits.rows_max, device_));
  }
  TROUPE_CHECK(weights_.embedding->row(0).size() <= widths.hidden * sizeof(float));
  embedding_rows_ = {.name = {}, .type = weights_.embedding->type, .shape = {rows, model_.hidden}, .data = {}};
  TROUPE_ASSIGN(kv_, device_.make_kv_memory(kv(model_, slice, limits)));
  full_ = {shape_of(model_, slice, 0), rotary_.view()};
  sliding_ = {shape_of(model_, slice, model_.window), rotary_.view()};
  if (model_.sliding_rope) {
    TROUPE_ASSIGN(sliding_rotary_, rotary_tables::make(*model_.sliding_rope, limits.positions, device_));
    sliding_.rotary = sliding_rotary_.view();
  }
  return {};
}

result<void> forward_pass::embed(std::span<const token_id> tokens) {
  const tensor_view& table = *weights_.embedding;
  const size_t row_bytes = table.row(0).size();
  auto* bytes = reinterpret_cast<std::byte*>(between_.data);
  for (size_t t = 0; t < tokens.size(); ++t)
    TROUPE_TRY(weights_.files->read(table.row(tokens[t]), bytes + t * row_bytes));
  embedding_rows_.shape.front() = tokens.size();
  embedding_rows_.data = {bytes, tokens.size() * row_bytes};
  device_.embed(embedding_rows_, static_cast<float>(model_.embedding_scale), rows_of(residual_, model_.hidden));
  return {};
}

result<rows_view> forward_pass::run(std::span<const token_id> tokens, std::span<const row_place> places) {
  TROUPE_TRY(embed(tokens));
  sublayer_sum sum;
  for (uint32_t layer = 0; layer < model_.layers; ++layer) {
    TROUPE_ASSIGN(sum, run_layer(layer, sum, places));
  }
  add_norm(sum, weights_.final_norm, static_cast<uint32_t>(tokens.size()));
  return rows_of(input_, model_.hidden);
}

/// `before` is what the layer below has not added to the residual yet. Returns this layer's.
result<sublayer_sum> forward_pass::run_layer(uint32_t layer, const sublayer_sum& before,
                                             std::span<const row_place> places) {
  const layer_weights& weights = weights_.layers[layer];
  const auto rows = static_cast<uint32_t>(places.size());
  add_norm(before, weights.input_norm, rows);
  TROUPE_ASSIGN(const sublayer_sum attention, attend(layer, places));
  add_norm(attention, weights.mlp_norm, rows);
  return run_mlp(layer, rows);
}

void forward_pass::add_norm(const sublayer_sum& added, const float_buffer& norm, uint32_t rows) {
  device_.add_rmsnorm(added, rows_of(residual_, model_.hidden), norm.data, static_cast<float>(model_.rms_eps), rows,
                      model_.hidden, rows_of(input_, model_.hidden));
}

result<sublayer_sum> forward_pass::attend(uint32_t layer, std::span<const row_place> places) {
  const layer_weights& weights = weights_.layers[layer];
  const layer_kind& kind = model_.is_sliding(layer) ? sliding_ : full_;
  const auto rows = static_cast<uint32_t>(places.size());
  const size_t hidden = model_.hidden;
  const rows_view qkv = rows_of(between_, qkv_width_);
  const rows_view attended = rows_of(input_, attended_width_);
  const head_norms norms{weights.query_norm.data, weights.key_norm.data, static_cast<float>(model_.rms_eps)};
  device_.linear(*weights.qkv, rows_of(input_, hidden), rows, qkv);
  device_.attention(kind.attention, norms, kind.rotary, qkv, places, *kv_, layer, attended);
  TROUPE_ASSIGN(const std::span<float> part, group_.input(rows * hidden));
  device_.linear(*weights.output, attended, rows, {part.data(), hidden});
  TROUPE_ASSIGN(const std::span<const float> sum, group_.all_reduce_tree(rows * hidden));
  return sublayer_sum{sum.data(), weights.output_bias.data, weights.output_norm.data};
}

result<sublayer_sum> forward_pass::run_mlp(uint32_t layer, uint32_t rows) {
  const layer_weights& weights = weights_.layers[layer];
  const size_t hidden = model_.hidden;
  const rows_view normed = rows_of(input_, hidden);
  TROUPE_ASSIGN(const std::span<float> part, group_.input(rows * hidden));
  const rows_view out{part.data(), hidden};
  if (weights.router) {
    mixture_->run(weights, normed, rows, out);
  } else {
    const rows_view inner = rows_of(between_, inner_width_);
    device_.linear(*weights.mlps[0].gate_up, normed, rows, inner);
    device_.linear(*weights.mlps[0].down, inner, rows, out);
  }
  TROUPE_ASSIGN(const std::span<const float> sum, group_.all_reduce_tree(rows * hidden));
  return sublayer_sum{sum.data(), nullptr, weights.down_norm.data};
}

}  // namespace troupe
