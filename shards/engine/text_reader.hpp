// A long text through a model, window after window, each from an empty context: how well a model predicts a text
// (perplexity.hpp) and what its matrices see of it (input_recorder.hpp) are found so. One rank, in this process.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "base/ids.hpp"
#include "base/result.hpp"
#include "shards/engine/local_communicator.hpp"
#include "shards/engine/shard.hpp"

namespace troupe {

/// The default window, of a model that can do so many: longer ones cost more than they tell.
inline constexpr uint32_t text_window_default = 2048;

struct text_reader_options {
  /// Or a GGUF file.
  std::string model_folder;
  uint32_t threads = 1;
  /// Positions; 0: text_window_default, or the model's context where it is shorter.
  uint32_t window = 0;
  /// Whether the logits are wanted.
  bool logits = true;
  /// What each window begins with, where the model was trained so.
  std::optional<token_id> bos = {};
};

/// Tokens of the text that were to be predicted, each from those before it in its window.
struct text_step {
  std::span<const token_id> targets;
  /// One row for each, if they are wanted; valid during the call.
  step_logits logits;
};

class text_reader {
 public:
  /// Errors: those of shard::open; invalid_argument (the window is longer than the model's context).
  static result<std::unique_ptr<text_reader>> open(const text_reader_options& options);
  /// The same on another backend.
  static result<std::unique_ptr<text_reader>> open(const text_reader_options& options, std::unique_ptr<backend> device);

  uint32_t window() const { return options_.window; }

  /// Each token is a target once, but for the first where there is no bos: it is the first window's input alone. A
  /// window after the first begins with bos, or with the last target of the window before. Errors: invalid_argument
  /// (nothing to predict; a token that the model does not have), and those of shard::lead.
  result<void> read(std::span<const token_id> tokens, const std::function<void(const text_step&)>& seen);

 private:
  text_reader(const text_reader_options& options, const shard_config& config, size_t floats_max)
      : options_(options), config_(config), group_(floats_max) {}
  result<void> read_window(std::span<const token_id> tokens, size_t first, size_t last,
                           const std::function<void(const text_step&)>& seen);

  text_reader_options options_;
  shard_config config_;
  local_communicator group_;
  std::unique_ptr<shard> shard_;
  uint64_t steps_ = 0;
};

}  // namespace troupe
