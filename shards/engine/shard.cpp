#include "shards/engine/shard.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "base/check.hpp"
#include "shards/engine/available_memory.hpp"
#include "shards/engine/forward_pass.hpp"
#include "shards/engine/plan_check.hpp"
#include "shards/engine/shard_plan.hpp"
#include "shards/engine/step_message.hpp"
#include "shards/engine/tensor_split.hpp"
#include "shards/model/model_config.hpp"
#include "shards/model/model_version.hpp"
#include "shards/model/weight_files.hpp"

namespace troupe {
namespace {

class loaded_shard final : public shard {
 public:
  loaded_shard(const shard_config& config, const model_config& model, rank_slice slice, weight_files files,
               communicator& group, std::unique_ptr<backend> device)
      : config_(config),
        model_(model),
        slice_(std::move(slice)),
        files_(std::move(files)),
        group_(group),
        backend_(std::move(device)) {
    group_.set_meanwhile(&backend_->meanwhile());
  }
  ~loaded_shard() override { group_.set_meanwhile(nullptr); }
  loaded_shard(const loaded_shard&) = delete;
  loaded_shard& operator=(const loaded_shard&) = delete;

  result<void> load();

  const shard_facts& facts() const override { return facts_; }
  worker_pool& threads() override { return backend_->threads(); }
  result<step_logits> lead(const step_plan& plan, duration deadline) override;
  std::span<const float> hidden(uint32_t r) const override {
    return {normed_.data + hidden_rows_.at(r) * normed_.stride, model_.hidden};
  }
  result<uint64_t> follow() override;

 private:
  result<void> check_memory() const;
  result<void> load_layers(const shard_sizes& sizes);
  std::string agreed_text() const;

  result<step_logits> run(const step_plan& plan);
  void place_rows(const step_plan& plan);
  result<step_logits> project(rows_view normed);
  result<void> gather(rows_view part, const step_logits& logits);
  result<void> check_finite(const step_plan& plan, const step_logits& logits) const;

  uint32_t rows() const { return static_cast<uint32_t>(places_.size()); }

  shard_config config_;
  model_config model_;
  rank_slice slice_;
  weight_files files_;
  communicator& group_;
  shard_plan plan_;
  shard_facts facts_;
  std::unique_ptr<backend> backend_;
  std::unique_ptr<forward_pass> layers_;
  /// The rows that want logits; this rank's part of these, where there are others; all of them, on rank 0.
  float_buffer wanted_, part_, logits_;
  std::unique_ptr<plan_checker> checker_;

  // Of the step that runs.
  std::vector<row_place> places_;
  std::vector<token_id> tokens_;
  std::vector<uint32_t> wanted_rows_, hidden_rows_;
  rows_view normed_;
};

result<void> loaded_shard::check_memory() const {
  const std::optional<uint64_t> available = available_memory_bytes(config_.system_root);
  if (!available || plan_.bytes() <= *available) return {};
  return error{errc::out_of_memory, config_.model_folder + " does not fit in memory: rank " +
                                        std::to_string(config_.rank) + " of " + std::to_string(config_.tp) + " needs " +
                                        mebibytes(plan_.bytes()) + " (weights " + mebibytes(plan_.weights_bytes) +
                                        ", keys and values " + mebibytes(plan_.kv_bytes()) + "), " +
                                        mebibytes(*available) + " are available"};
}

result<void> loaded_shard::load_layers(const shard_sizes& sizes) {
  TROUPE_ASSIGN(model_weights weights,
                load_model_weights(model_, slice_, config_.tp, config_.rank, files_, *backend_, group_));
  // What was packed is needed no more.
  files_.forget();
  TROUPE_TRY(backend_->reserve_rows(config_.rows_max));
  TROUPE_ASSIGN(layers_,
                forward_pass::make(model_, slice_, sizes.limits(plan_), std::move(weights), *backend_, group_));
  const logits_floats floats = sizes.logits();
  TROUPE_ASSIGN(wanted_, backend_->allocate(floats.wanted));
  TROUPE_ASSIGN(part_, backend_->allocate(floats.part));
  TROUPE_ASSIGN(logits_, backend_->allocate(floats.all));
  return {};
}

/// What all ranks must have in common for a plan to mean the same to them.
std::string loaded_shard::agreed_text() const {
  return facts_.fingerprint + " pages " + std::to_string(facts_.kv_pages) + " rows " +
         std::to_string(config_.rows_max) + " sequences " + std::to_string(config_.sequences_max) + " logits " +
         std::to_string(logits_rows_max(config_));
}

result<void> loaded_shard::load() {
  TROUPE_TRY(check_weights(model_, files_));
  TROUPE_ASSIGN(const shard_sizes sizes, shard_sizes::of(config_, model_, slice_, files_, *backend_));
  TROUPE_ASSIGN(plan_, sizes.as_configured());
  TROUPE_TRY(check_memory());
  facts_.weights_bytes = plan_.weights_bytes;
  facts_.working_bytes = plan_.working_bytes;
  facts_.kv_page_bytes = plan_.kv_page_bytes;
  facts_.kv_pages = plan_.kv_pages;
  facts_.context_max = plan_.context_max;
  TROUPE_ASSIGN(const std::string version, model_version(config_.model_folder, files_));
  facts_.fingerprint = backend_->fingerprint() + " tree" + std::to_string(reduction_shards) +
                       (config_.kv_bf16 ? " kv-bf16" : "") + rotary_choice(model_.rope, facts_.context_max) + " " +
                       version;
  facts_.vocab_size = model_.vocab_size;
  facts_.hidden = model_.hidden;
  TROUPE_TRY(load_layers(sizes));
  checker_ = std::make_unique<plan_checker>(plan_limits{.rows_max = config_.rows_max,
                                                        .sequences_max = config_.sequences_max,
                                                        .logits_max = logits_rows_max(config_),
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
  hidden_rows_.clear();
  for (const sequence_step& sequence : plan.sequences) {
    uint32_t position = sequence.first_position;
    for (token_id token : sequence.tokens) {
      places_.push_back({position++, sequence.pages.data()});
      tokens_.push_back(token);
    }
    for (uint32_t i = sequence.wants_logits; i > 0; --i) wanted_rows_.push_back(rows() - i);
    for (uint32_t i = sequence.wants_hidden; i > 0; --i) hidden_rows_.push_back(rows() - i);
  }
}

result<step_logits> loaded_shard::run(const step_plan& plan) {
  place_rows(plan);
  TROUPE_ASSIGN(normed_, layers_->run(tokens_, places_));
  return project(normed_);
}

/// The logits of the rows that want them: each rank makes its part of the vocabulary, rank 0 puts them together. The
/// head's product takes all rows at once, for it is the largest matrix of many a model.
result<step_logits> loaded_shard::project(rows_view normed) {
  const size_t hidden = model_.hidden;
  const rows_view wanted = rows_of(wanted_, hidden);
  for (size_t i = 0; i < wanted_rows_.size(); ++i)
    std::copy_n(normed.data + wanted_rows_[i] * normed.stride, hidden, wanted.data + i * wanted.stride);

  const step_logits logits{logits_.data, static_cast<uint32_t>(wanted_rows_.size()), model_.vocab_size};
  const bool alone = config_.tp == 1;
  const rows_view mine =
      alone ? rows_view{logits_.data, model_.vocab_size} : rows_view{part_.data, slice_.vocab_stride};
  const matrix& head = *layers_->weights().head;
  backend_->linear(head, wanted, logits.rows, mine);
  if (model_.logits_softcap != 0)
    backend_->soft_cap(mine, logits.rows, head.outputs(), static_cast<float>(model_.logits_softcap));
  if (!alone) TROUPE_TRY(gather(mine, logits));
  return logits;
}

/// As many rows at a time as the communicator carries.
result<void> loaded_shard::gather(rows_view part, const step_logits& logits) {
  const size_t stride = slice_.vocab_stride;
  const auto rows_at_once =
      static_cast<uint32_t>(std::min<size_t>(group_.floats_max() / stride, std::numeric_limits<uint32_t>::max()));
  for (uint32_t first = 0; first < logits.rows; first += rows_at_once) {
    const uint32_t count = std::min(rows_at_once, logits.rows - first);
    TROUPE_ASSIGN(const std::span<float> input, group_.input(count * stride));
    std::copy_n(part.data + first * stride, count * stride, input.data());
    TROUPE_ASSIGN(const std::vector<std::span<const float>> parts, group_.all_gather(count * stride));
    if (config_.rank != 0) continue;
    for (uint32_t rank = 0; rank < config_.tp; ++rank) {
      const half_open_range columns = part_of(model_.vocab_size, rank, config_.tp);
      for (uint32_t r = 0; r < count; ++r)
        std::copy_n(parts[rank].data() + r * stride, columns.size(), logits.row(first + r).data() + columns.begin);
    }
  }
  return {};
}

result<void> loaded_shard::check_finite(const step_plan& plan, const step_logits& logits) const {
  const auto are_finite = [](std::span<const float> values) {
    return std::ranges::all_of(values, [](float value) { return std::isfinite(value); });
  };
  const auto refusal = [&plan](const char* what, size_t sequence) {
    return error{errc::internal, "step " + std::to_string(plan.number) + ": the " + what + " of sequence " +
                                     std::to_string(sequence) + " are no finite numbers"};
  };
  uint32_t row = 0, hidden_row = 0;
  for (size_t i = 0; i < plan.sequences.size(); ++i) {
    for (uint32_t r = 0; r < plan.sequences[i].wants_logits; ++r)
      if (!are_finite(logits.row(row++))) return refusal("logits", i);
    for (uint32_t r = 0; r < plan.sequences[i].wants_hidden; ++r)
      if (!are_finite(hidden(hidden_row++))) return refusal("rows", i);
  }
  return {};
}

}  // namespace

result<size_t> shard_floats_max(const shard_config& config) {
  TROUPE_TRY(check_bounds(config));
  TROUPE_ASSIGN(const model_config model, read_model_config(config.model_folder));
  TROUPE_ASSIGN(const rank_slice slice, split_model(model, config.tp, 0));
  return exchanged_floats_max(config, model, slice);
}

result<std::unique_ptr<shard>> shard::open(const shard_config& config, communicator& group) {
  TROUPE_TRY(check_bounds(config));
  TROUPE_ASSIGN(std::unique_ptr<backend> device, make_cpu_backend(config.backend, config.threads));
  return open(config, group, std::move(device));
}

result<std::unique_ptr<shard>> shard::open(const shard_config& config, communicator& group,
                                           std::unique_ptr<backend> device) {
  TROUPE_TRY(check_bounds(config));
  if (group.size() != config.tp || group.rank() != config.rank) {
    return error{errc::invalid_argument, "the communicator is rank " + std::to_string(group.rank()) + " of " +
                                             std::to_string(group.size()) + ", the shard rank " +
                                             std::to_string(config.rank) + " of " + std::to_string(config.tp)};
  }
  TROUPE_ASSIGN(const model_config model, read_model_config(config.model_folder));
  TROUPE_ASSIGN(rank_slice slice, split_model(model, config.tp, config.rank));
  if (const size_t needed = exchanged_floats_max(config, model, slice); group.floats_max() < needed) {
    return error{errc::invalid_argument, "the communicator carries " + std::to_string(group.floats_max()) +
                                             " floats; this shard needs " + std::to_string(needed)};
  }
  TROUPE_ASSIGN(weight_files files, weight_files::open(config.model_folder));
  auto loaded =
      std::make_unique<loaded_shard>(config, model, std::move(slice), std::move(files), group, std::move(device));
  TROUPE_TRY(loaded->load());
  return std::unique_ptr<shard>(std::move(loaded));
}

}  // namespace troupe
