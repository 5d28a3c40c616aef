#include "shards/engine/shard.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "base/check.hpp"
#include "shards/engine/available_memory.hpp"
#include "shards/engine/model_weights.hpp"
#include "shards/engine/plan_check.hpp"
#include "shards/engine/rotary.hpp"
#include "shards/engine/step_message.hpp"
#include "shards/engine/tensor_split.hpp"
#include "shards/model/model_config.hpp"
#include "shards/model/model_version.hpp"
#include "shards/model/weight_files.hpp"

namespace troupe {
namespace {

/// Rows of an activation begin 16 floats after a multiple of a power of two, usually: else the rows of one product
/// would all fall into the same set of the first cache.
constexpr size_t padded(size_t width) { return width + 16; }

/// The working memory of a step.
struct activations {
  float_buffer residual, normed, qkv, attended, mlp, wanted, logits, cosines, sines;

  static rows_view rows(const float_buffer& buffer, size_t width) { return {buffer.data, padded(width)}; }
};

/// How large each of them is, in floats.
struct activation_sizes {
  size_t residual = 0, qkv = 0, attended = 0, mlp = 0, wanted = 0, logits = 0, rotary = 0;

  size_t total() const { return 2 * residual + qkv + attended + mlp + wanted + logits + 2 * rotary; }
};

class loaded_shard final : public shard {
 public:
  loaded_shard(const shard_config& config, const model_config& model, rank_slice slice, weight_files files,
               communicator& group)
      : config_(config), model_(model), slice_(std::move(slice)), files_(std::move(files)), group_(group) {}

  result<void> load();

  const shard_facts& facts() const override { return facts_; }
  result<step_logits> lead(const step_plan& plan, duration deadline) override;
  result<uint64_t> follow() override;

 private:
  result<void> choose_kv_pages();
  result<void> check_memory(const activation_sizes& sizes, uint64_t weights_bytes) const;
  activation_sizes sizes() const;
  result<void> allocate(const activation_sizes& sizes);
  std::string agreed_text() const;

  result<step_logits> run(const step_plan& plan);
  void place_rows(const step_plan& plan);
  result<std::span<const float>> run_layer(uint32_t layer, const float* before);
  result<step_logits> project(std::span<const float> last);
  result<void> check_finite(const step_plan& plan, const step_logits& logits) const;

  uint32_t rows() const { return static_cast<uint32_t>(places_.size()); }
  uint32_t logits_max() const { return config_.logits_max == 0 ? config_.sequences_max : config_.logits_max; }
  kv_shape kv() const {
    return {model_.layers, facts_.kv_pages, static_cast<uint32_t>(slice_.kv_heads.size()), model_.head_dim};
  }
  size_t qkv_width() const { return (slice_.heads.size() + 2 * slice_.kv_heads.size()) * model_.head_dim; }
  size_t attended_width() const { return slice_.heads.size() * model_.head_dim; }

  shard_config config_;
  model_config model_;
  rank_slice slice_;
  weight_files files_;
  communicator& group_;
  shard_facts facts_;
  std::unique_ptr<backend> backend_;
  model_weights weights_;
  std::unique_ptr<kv_memory> kv_;
  attention_shape attention_;
  activations memory_;
  std::unique_ptr<plan_checker> checker_;

  // Of the step that runs.
  std::vector<row_place> places_;
  std::vector<token_id> tokens_;
  std::vector<uint32_t> wanted_rows_;
};

std::string mebibytes(uint64_t bytes) { return std::to_string((bytes + (1 << 20) - 1) >> 20) + " MiB"; }

result<void> loaded_shard::choose_kv_pages() {
  kv_shape shape = kv();
  const uint64_t page = backend_->kv_page_bytes(shape);
  uint64_t pages = config_.kv_pages != 0 ? config_.kv_pages : config_.kv_bytes / page;
  if (pages == 0) {
    return error{errc::invalid_argument, "no page of keys and values fits: kv_bytes is " +
                                             std::to_string(config_.kv_bytes) + ", a page of this rank takes " +
                                             std::to_string(page)};
  }
  pages = std::min<uint64_t>(pages, std::numeric_limits<uint32_t>::max() / kv_page_positions);
  facts_.kv_pages = static_cast<uint32_t>(pages);
  facts_.context_max = std::min(model_.context_max, facts_.kv_pages * kv_page_positions);
  return {};
}

activation_sizes loaded_shard::sizes() const {
  const size_t rows = config_.rows_max;
  return {.residual = rows * padded(model_.hidden),
          .qkv = rows * padded(qkv_width()),
          .attended = rows * padded(attended_width()),
          .mlp = rows * padded(slice_.intermediate.size()),
          .wanted = logits_max() * padded(model_.hidden),
          .logits = config_.rank == 0 ? size_t{logits_max()} * model_.vocab_size : 0,
          .rotary = size_t{facts_.context_max} * (model_.head_dim / 2)};
}

result<void> loaded_shard::check_memory(const activation_sizes& sizes, uint64_t weights_bytes) const {
  const std::optional<uint64_t> available = available_memory_bytes(config_.system_root);
  const uint64_t kv_bytes = backend_->kv_page_bytes(kv()) * facts_.kv_pages;
  const uint64_t needed = weights_bytes + kv_bytes + sizes.total() * sizeof(float);
  if (!available || needed <= *available) return {};
  return error{errc::out_of_memory, config_.model_folder + " does not fit in memory: rank " +
                                        std::to_string(config_.rank) + " of " + std::to_string(config_.tp) + " needs " +
                                        mebibytes(needed) + " (weights " + mebibytes(weights_bytes) +
                                        ", keys and values " + mebibytes(kv_bytes) + "), " + mebibytes(*available) +
                                        " are available"};
}

result<void> loaded_shard::allocate(const activation_sizes& sizes) {
  TROUPE_ASSIGN(memory_.residual, backend_->allocate(sizes.residual));
  TROUPE_ASSIGN(memory_.normed, backend_->allocate(sizes.residual));
  TROUPE_ASSIGN(memory_.qkv, backend_->allocate(sizes.qkv));
  TROUPE_ASSIGN(memory_.attended, backend_->allocate(sizes.attended));
  TROUPE_ASSIGN(memory_.mlp, backend_->allocate(sizes.mlp));
  TROUPE_ASSIGN(memory_.wanted, backend_->allocate(sizes.wanted));
  TROUPE_ASSIGN(memory_.logits, backend_->allocate(sizes.logits));
  TROUPE_ASSIGN(memory_.cosines, backend_->allocate(sizes.rotary));
  TROUPE_ASSIGN(memory_.sines, backend_->allocate(sizes.rotary));
  fill_rotary_tables(model_, facts_.context_max, memory_.cosines.data, memory_.sines.data);
  TROUPE_ASSIGN(kv_, backend_->make_kv_memory(kv()));
  return {};
}

/// What all ranks must have in common for a plan to mean the same to them.
std::string loaded_shard::agreed_text() const {
  return facts_.fingerprint + " pages " + std::to_string(facts_.kv_pages) + " rows " +
         std::to_string(config_.rows_max) + " sequences " + std::to_string(config_.sequences_max) + " logits " +
         std::to_string(logits_max());
}

result<void> loaded_shard::load() {
  TROUPE_TRY(check_weights(model_, files_));
  TROUPE_ASSIGN(backend_, make_cpu_backend(config_.backend, config_.threads));
  TROUPE_TRY(choose_kv_pages());
  TROUPE_ASSIGN(facts_.weights_bytes, model_weights_bytes(model_, slice_, config_.tp, config_.rank, files_, *backend_));
  const activation_sizes needed = sizes();
  TROUPE_TRY(check_memory(needed, facts_.weights_bytes));
  TROUPE_ASSIGN(const std::string version, model_version(config_.model_folder, files_));
  facts_.fingerprint = backend_->fingerprint() + " tree" + std::to_string(reduction_shards) + " " + version;
  facts_.vocab_size = model_.vocab_size;
  TROUPE_ASSIGN(weights_, load_model_weights(model_, slice_, config_.tp, config_.rank, files_, *backend_, group_));
  // What was packed is needed no more; rows of the embedding come back one by one.
  files_.forget();
  TROUPE_TRY(backend_->reserve_rows(config_.rows_max));
  TROUPE_TRY(allocate(needed));
  attention_ = {.heads = static_cast<uint32_t>(slice_.heads.size()),
                .kv_heads = static_cast<uint32_t>(slice_.kv_heads.size()),
                .head_dim = model_.head_dim,
                .kv_of_head = slice_.kv_of_head,
                .scale = 1.0F / std::sqrt(static_cast<float>(model_.head_dim))};
  checker_ = std::make_unique<plan_checker>(plan_limits{.rows_max = config_.rows_max,
                                                        .sequences_max = config_.sequences_max,
                                                        .logits_max = logits_max(),
                                                        .context_max = facts_.context_max,
                                                        .vocab_size = facts_.vocab_size,
                                                        .kv_pages = facts_.kv_pages});
  // Last, because it waits until every rank has loaded.
  return group_.agree("the model", agreed_text(), config_.open_deadline);
}

result<step_logits> loaded_shard::lead(const step_plan& plan, duration deadline) {
  TROUPE_CHECK(config_.rank == 0);
  TROUPE_TRY(checker_->check(plan));
  group_.set_deadline(deadline);
  std::vector<std::byte> message = encode(plan, deadline);
  TROUPE_TRY(group_.broadcast(message, patience::deadline));
  TROUPE_ASSIGN(const step_logits logits, run(plan));
  TROUPE_TRY(check_finite(plan, logits));
  return logits;
}

result<uint64_t> loaded_shard::follow() {
  TROUPE_CHECK(config_.rank != 0);
  std::vector<std::byte> bytes;
  TROUPE_TRY(group_.broadcast(bytes, patience::while_they_live));
  TROUPE_ASSIGN(const step_message message, decode_step_message(bytes));
  TROUPE_TRY(checker_->check(message.plan));
  group_.set_deadline(message.deadline);
  TROUPE_TRY(run(message.plan));
  return message.plan.number;
}

void loaded_shard::place_rows(const step_plan& plan) {
  places_.clear();
  tokens_.clear();
  wanted_rows_.clear();
  for (const sequence_step& sequence : plan.sequences) {
    uint32_t position = sequence.first_position;
    for (token_id token : sequence.tokens) {
      places_.push_back({position++, sequence.pages.data()});
      tokens_.push_back(token);
    }
    for (uint32_t i = sequence.wants_logits; i > 0; --i) wanted_rows_.push_back(rows() - i);
  }
}

result<step_logits> loaded_shard::run(const step_plan& plan) {
  place_rows(plan);
  backend_->embed(*weights_.embedding, tokens_, activations::rows(memory_.residual, model_.hidden));
  std::span<const float> mlp_sum;
  for (uint32_t layer = 0; layer < model_.layers; ++layer) {
    TROUPE_ASSIGN(mlp_sum, run_layer(layer, layer == 0 ? nullptr : mlp_sum.data()));
  }
  return project(mlp_sum);
}

/// `before` is the sum that the layer below has not added to the residual yet. Returns this layer's.
result<std::span<const float>> loaded_shard::run_layer(uint32_t layer, const float* before) {
  const layer_weights& weights = weights_.layers[layer];
  const uint32_t count = rows();
  const size_t hidden = model_.hidden;
  const auto eps = static_cast<float>(model_.rms_eps);
  const rows_view residual = activations::rows(memory_.residual, hidden);
  const rows_view normed = activations::rows(memory_.normed, hidden);
  const rows_view qkv = activations::rows(memory_.qkv, qkv_width());
  const rows_view attended = activations::rows(memory_.attended, attended_width());
  const rows_view mlp = activations::rows(memory_.mlp, slice_.intermediate.size());

  backend_->add_rmsnorm(before, nullptr, residual, weights.input_norm.data, eps, count, hidden, normed);
  backend_->linear(*weights.qkv, normed, count, qkv);
  backend_->rope_kv_write(attention_, qkv, places_, memory_.cosines.data, memory_.sines.data, *kv_, layer);
  backend_->attention(attention_, qkv, places_, *kv_, layer, attended);
  TROUPE_ASSIGN(const std::span<float> attention_part, group_.input(count * hidden));
  backend_->linear(*weights.output, attended, count, {attention_part.data(), hidden});
  TROUPE_ASSIGN(const std::span<const float> attention_sum, group_.all_reduce_tree(count * hidden));

  backend_->add_rmsnorm(attention_sum.data(), weights.output_bias.data, residual, weights.post_norm.data, eps, count,
                        hidden, normed);
  backend_->linear(*weights.gate_up, normed, count, mlp);
  TROUPE_ASSIGN(const std::span<float> mlp_part, group_.input(count * hidden));
  backend_->linear(*weights.down, mlp, count, {mlp_part.data(), hidden});
  return group_.all_reduce_tree(count * hidden);
}

/// The logits of the rows that want them: each rank makes its part of the vocabulary, rank 0 puts them together.
result<step_logits> loaded_shard::project(std::span<const float> last) {
  const size_t hidden = model_.hidden;
  const rows_view normed = activations::rows(memory_.normed, hidden);
  const rows_view wanted = activations::rows(memory_.wanted, hidden);
  backend_->add_rmsnorm(last.data(), nullptr, activations::rows(memory_.residual, hidden), weights_.final_norm.data,
                        static_cast<float>(model_.rms_eps), rows(), hidden, normed);
  for (size_t i = 0; i < wanted_rows_.size(); ++i)
    std::copy_n(normed.data + wanted_rows_[i] * normed.stride, hidden, wanted.data + i * wanted.stride);

  step_logits logits{memory_.logits.data, static_cast<uint32_t>(wanted_rows_.size()), model_.vocab_size};
  const auto rows_at_once = static_cast<uint32_t>(
      std::min<size_t>(group_.floats_max() / slice_.vocab_stride, std::numeric_limits<uint32_t>::max()));
  for (uint32_t first = 0; first < logits.rows; first += rows_at_once) {
    const uint32_t count = std::min(rows_at_once, logits.rows - first);
    const size_t stride = slice_.vocab_stride;
    TROUPE_ASSIGN(const std::span<float> part, group_.input(count * stride));
    backend_->linear(*weights_.head, {wanted.data + first * wanted.stride, wanted.stride}, count,
                     {part.data(), stride});
    TROUPE_ASSIGN(const std::vector<std::span<const float>> parts, group_.all_gather(count * stride));
    if (config_.rank != 0) continue;
    for (uint32_t rank = 0; rank < config_.tp; ++rank) {
      const half_open_range columns = part_of(model_.vocab_size, rank, config_.tp);
      for (uint32_t r = 0; r < count; ++r)
        std::copy_n(parts[rank].data() + r * stride, columns.size(), logits.row(first + r).data() + columns.begin);
    }
  }
  return logits;
}

result<void> loaded_shard::check_finite(const step_plan& plan, const step_logits& logits) const {
  uint32_t row = 0;
  for (size_t i = 0; i < plan.sequences.size(); ++i) {
    for (uint32_t r = 0; r < plan.sequences[i].wants_logits; ++r) {
      const std::span<const float> values = logits.row(row++);
      if (std::ranges::all_of(values, [](float value) { return std::isfinite(value); })) continue;
      return error{errc::internal, "step " + std::to_string(plan.number) + ": the logits of sequence " +
                                       std::to_string(i) + " are no finite numbers"};
    }
  }
  return {};
}

result<void> check_bounds(const shard_config& config) {
  if (config.rows_max == 0 || config.rows_max > (1U << 20)) {
    return error{errc::invalid_argument, "rows_max must be from 1 to 1048576, not " + std::to_string(config.rows_max)};
  }
  if (config.sequences_max == 0 || config.sequences_max > config.rows_max) {
    return error{errc::invalid_argument, "sequences_max must be from 1 to rows_max (" +
                                             std::to_string(config.rows_max) + "), not " +
                                             std::to_string(config.sequences_max)};
  }
  if (config.logits_max > config.rows_max) {
    return error{errc::invalid_argument, "logits_max must be at most rows_max (" + std::to_string(config.rows_max) +
                                             "), not " + std::to_string(config.logits_max)};
  }
  if (config.threads == 0 || config.threads > 1024)
    return error{errc::invalid_argument, "threads must be from 1 to 1024, not " + std::to_string(config.threads)};
  return {};
}

size_t floats_max_of(const shard_config& config, const model_config& model, const rank_slice& slice) {
  return std::max<size_t>(size_t{config.rows_max} * model.hidden, slice.vocab_stride);
}

}  // namespace

result<size_t> shard_floats_max(const shard_config& config) {
  TROUPE_TRY(check_bounds(config));
  TROUPE_ASSIGN(const model_config model, read_model_config(config.model_folder));
  TROUPE_ASSIGN(const rank_slice slice, split_model(model, config.tp, 0));
  return floats_max_of(config, model, slice);
}

result<std::unique_ptr<shard>> shard::open(const shard_config& config, communicator& group) {
  TROUPE_TRY(check_bounds(config));
  if (group.size() != config.tp || group.rank() != config.rank) {
    return error{errc::invalid_argument, "the communicator is rank " + std::to_string(group.rank()) + " of " +
                                             std::to_string(group.size()) + ", the shard rank " +
                                             std::to_string(config.rank) + " of " + std::to_string(config.tp)};
  }
  TROUPE_ASSIGN(const model_config model, read_model_config(config.model_folder));
  TROUPE_ASSIGN(rank_slice slice, split_model(model, config.tp, config.rank));
  if (const size_t needed = floats_max_of(config, model, slice); group.floats_max() < needed) {
    return error{errc::invalid_argument, "the communicator carries " + std::to_string(group.floats_max()) +
                                             " floats; this shard needs " + std::to_string(needed)};
  }
  TROUPE_ASSIGN(weight_files files, weight_files::open(config.model_folder));
  auto loaded = std::make_unique<loaded_shard>(config, model, std::move(slice), std::move(files), group);
  TROUPE_TRY(loaded->load());
  return std::unique_ptr<shard>(std::move(loaded));
}

}  // namespace troupe
