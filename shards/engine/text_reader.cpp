#include "shards/engine/text_reader.hpp"

#include <algorithm>
#include <numeric>
#include <vector>

#include "shards/model/model_config.hpp"

namespace troupe {
namespace {

constexpr uint32_t step_rows_max = 256;
/// Of a wait for other ranks, of which there are none.
constexpr duration patient = std::chrono::hours(1);
constexpr size_t logits_bytes_max = 64 << 20;

/// The tokens of a step, so few that their logits are no burden.
uint32_t step_rows(const model_config& model, const text_reader_options& options) {
  const uint32_t rows = std::min(options.window, step_rows_max);
  if (!options.logits) return rows;
  return static_cast<uint32_t>(std::clamp<size_t>(logits_bytes_max / (model.vocab_size * sizeof(float)), 1, rows));
}

shard_config config_of(const model_config& model, const text_reader_options& options) {
  const uint32_t rows = step_rows(model, options);
  return {.model_folder = options.model_folder,
          .threads = options.threads,
          .kv_pages = (options.window + kv_page_positions - 1) / kv_page_positions,
          .rows_max = rows,
          .sequences_max = 1,
          .logits_max = options.logits ? rows : 1,
          .system_root = {}};
}

}  // namespace

result<std::unique_ptr<text_reader>> text_reader::open(const text_reader_options& options) {
  TROUPE_ASSIGN(std::unique_ptr<backend> device, make_cpu_backend(cpu_backend_choice::automatic, options.threads));
  return open(options, std::move(device));
}

result<std::unique_ptr<text_reader>> text_reader::open(const text_reader_options& options,
                                                       std::unique_ptr<backend> device) {
  TROUPE_ASSIGN(const model_config model, read_model_config(options.model_folder));
  text_reader_options chosen = options;
  if (chosen.window == 0) chosen.window = std::min(model.context_max, text_window_default);
  if (chosen.window > model.context_max) {
    return error{errc::invalid_argument, "a window of " + std::to_string(chosen.window) +
                                             " positions is longer than the " + std::to_string(model.context_max) +
                                             " of the model"};
  }
  const shard_config config = config_of(model, chosen);
  TROUPE_ASSIGN(const size_t floats_max, shard_floats_max(config));
  std::unique_ptr<text_reader> reader(new text_reader(chosen, config, floats_max));
  TROUPE_ASSIGN(reader->shard_, shard::open(config, reader->group_, std::move(device)));
  return reader;
}

result<void> text_reader::read(std::span<const token_id> tokens, const std::function<void(const text_step&)>& seen) {
  const size_t first = options_.bos ? 0 : 1;
  if (tokens.size() <= first) {
    return error{errc::invalid_argument,
                 "the text has " + std::to_string(tokens.size()) + " tokens: there is nothing to predict"};
  }
  for (const token_id token : tokens) {
    if (token < shard_->facts().vocab_size) continue;
    return error{errc::invalid_argument, "the text has token " + std::to_string(token) +
                                             ", the model's vocabulary only " +
                                             std::to_string(shard_->facts().vocab_size)};
  }
  for (size_t at = first; at < tokens.size(); at += options_.window)
    TROUPE_TRY(read_window(tokens, at, std::min<size_t>(at + options_.window, tokens.size()), seen));
  return {};
}

/// The window whose targets are tokens [first, last).
result<void> text_reader::read_window(std::span<const token_id> tokens, size_t first, size_t last,
                                      const std::function<void(const text_step&)>& seen) {
  std::vector<token_id> inputs{options_.bos ? *options_.bos : tokens[first - 1]};
  inputs.insert(inputs.end(), tokens.begin() + static_cast<ptrdiff_t>(first),
                tokens.begin() + static_cast<ptrdiff_t>(last - 1));
  sequence_step sequence;
  sequence.pages.resize(config_.kv_pages);
  std::iota(sequence.pages.begin(), sequence.pages.end(), 0U);
  for (size_t at = 0; at < inputs.size(); at += config_.rows_max) {
    const size_t count = std::min<size_t>(config_.rows_max, inputs.size() - at);
    const std::span<const token_id> rows = std::span(inputs).subspan(at, count);
    sequence.first_position = static_cast<uint32_t>(at);
    sequence.tokens.assign(rows.begin(), rows.end());
    sequence.wants_logits = options_.logits ? static_cast<uint32_t>(count) : 0;
    const step_plan plan{.number = ++steps_, .sequences = {sequence}};
    TROUPE_ASSIGN(const step_logits logits, shard_->lead(plan, patient));
    seen({tokens.subspan(first + at, count), logits});
  }
  return {};
}

}  // namespace troupe
