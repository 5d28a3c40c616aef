#include "shards/engine/shard_plan.hpp"

#include <algorithm>
#include <string>

#include "shards/engine/model_weights.hpp"

namespace troupe {

std::string mebibytes(uint64_t bytes) { return std::to_string((bytes + (1 << 20) - 1) >> 20) + " MiB"; }

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

size_t exchanged_floats_max(const shard_config& config, const model_config& model, const rank_slice& slice) {
  return std::max<size_t>(size_t{config.rows_max} * model.hidden, slice.vocab_stride);
}

result<shard_sizes> shard_sizes::of(const shard_config& config, const model_config& model, const rank_slice& slice,
                                    const weight_files& files, const backend& device) {
  shard_sizes sizes(config, model, slice);
  TROUPE_ASSIGN(const model_weights_sizes weights,
                sizes_of_model_weights(model, slice, config.tp, config.rank, files, device, config.rows_max));
  sizes.weights_bytes_ = weights.bytes;
  sizes.rows_bytes_ = weights.rows_bytes;
  sizes.kv_page_bytes_ =
      device.kv_page_bytes(forward_pass::kv(model, slice, {.kv_pages = 1, .kv_bf16 = config.kv_bf16}));
  return sizes;
}

logits_floats shard_sizes::logits() const {
  const size_t rows = logits_rows_max(config_);
  return {.wanted = rows * padded(model_.hidden),
          .part = config_.tp == 1 ? 0 : rows * slice_.vocab_stride,
          .all = config_.rank == 0 ? rows * model_.vocab_size : 0};
}

shard_plan shard_sizes::with(uint32_t kv_pages) const {
  const uint64_t positions = uint64_t{kv_pages} * kv_page_positions;
  shard_plan plan{.weights_bytes = weights_bytes_,
                  .kv_page_bytes = kv_page_bytes_,
                  .kv_pages = kv_pages,
                  .context_max = static_cast<uint32_t>(std::min<uint64_t>(model_.context_max, positions))};
  const uint64_t floats = forward_pass::floats(model_, slice_, config_.tp, limits(plan)) + logits().sum();
  plan.working_bytes = floats * sizeof(float) + rows_bytes_;
  return plan;
}

result<shard_plan> shard_sizes::as_configured() const {
  const uint64_t pages = config_.kv_pages != 0 ? config_.kv_pages : config_.kv_bytes / kv_page_bytes_;
  if (pages == 0) {
    return error{errc::invalid_argument, "no page of keys and values fits: kv_bytes is " +
                                             std::to_string(config_.kv_bytes) + ", a page of this rank takes " +
                                             std::to_string(kv_page_bytes_)};
  }
  return with(static_cast<uint32_t>(std::min<uint64_t>(pages, kv_pages_max)));
}

}  // namespace troupe
