// One rank of one model: its slice of the weights, its pages of keys and values, and the forward pass. Rank 0 leads: it
// checks a plan, tells the others and gathers the logits. The others follow.
//
// The same bits come out whatever the number of ranks and threads, the instruction set, the batch and the chunking
// (shards/engine/README.md says how). Used from one thread, the one that opened the communicator.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "base/result.hpp"
#include "shards/engine/backend.hpp"
#include "shards/engine/communicator.hpp"
#include "shards/engine/cpu/cpu_backend.hpp"
#include "shards/engine/step.hpp"
#include "shards/engine/worker_pool.hpp"

namespace troupe {

struct shard_config {
  /// In Hugging Face layout: config.json and safetensors.
  std::string model_folder;
  /// 1, 2, 4 or 8; the communicator's size and rank must agree.
  uint32_t tp = 1;
  uint32_t rank = 0;
  /// Threads of this rank, the calling one included.
  uint32_t threads = 1;
  /// Pages of 16 positions. 0: as many as kv_bytes hold, of this rank's own part.
  uint32_t kv_pages = 0;
  uint64_t kv_bytes = 0;
  /// Keys and values are kept as bf16 (rounded to nearest even), else as f32.
  bool kv_bf16 = false;
  /// Bounds of one step: tokens of all sequences together; sequences.
  uint32_t rows_max = 256;
  uint32_t sequences_max = 64;
  /// Rows of logits of one step; 0: as many as sequences.
  uint32_t logits_max = 0;
  cpu_backend_choice backend = cpu_backend_choice::automatic;
  /// How long the ranks may differ in loading.
  duration open_deadline = std::chrono::minutes(5);
  /// Where the machine tells its memory (/proc and /sys); tests point it elsewhere.
  std::string system_root;
};

struct shard_facts {
  /// Equal for ranks and groups that compute the same bits.
  std::string fingerprint;
  uint32_t kv_pages = 0;
  /// The model's limit, or that of the pages when it is less.
  uint32_t context_max = 0;
  uint32_t vocab_size = 0;
  uint32_t hidden = 0;
  /// Of this rank, as shard_plan has them.
  uint64_t weights_bytes = 0, working_bytes = 0, kv_page_bytes = 0;
};

/// The logits that a step was asked for, on rank 0. Valid until the next step.
struct step_logits {
  /// (rows, vocab): for each sequence of the plan, in order, as many rows as it wants, in the order of its tokens. May
  /// be changed: it is the sampler's working memory.
  float* values = nullptr;
  uint32_t rows = 0;
  uint32_t vocab = 0;

  std::span<float> row(uint32_t r) const { return {values + size_t{r} * vocab, vocab}; }
};

/// How many floats a communicator must carry for a shard of this configuration (its rank does not matter).
/// Errors: those of reading config.json; invalid_argument where the model cannot be split so.
result<size_t> shard_floats_max(const shard_config& config);

class shard {
 public:
  /// Loads this rank's slice and agrees with the other ranks on the fingerprint. `group` must outlive the shard.
  /// Errors: invalid_argument (names the key), not_supported, corrupt, io_failed, out_of_memory (with the numbers),
  /// conflict (another rank has another model or build), and the communicator's.
  static result<std::unique_ptr<shard>> open(const shard_config& config, communicator& group);

  /// The same on another backend than the configuration's.
  static result<std::unique_ptr<shard>> open(const shard_config& config, communicator& group,
                                             std::unique_ptr<backend> device);

  virtual ~shard() = default;
  virtual const shard_facts& facts() const = 0;
  /// This rank's threads, idle between steps: those of lead() choose tokens with them.
  virtual worker_pool& threads() = 0;

  /// Rank 0: runs one step on all ranks. A plan that breaks a bound is refused (invalid_argument) before anything has
  /// happened, and the group goes on; so it does after `internal`: logits or rows that are no finite numbers (names the
  /// step). After the communicator's errors no step will succeed again. `deadline` is for each wait of the step, on
  /// every rank.
  virtual result<step_logits> lead(const step_plan& plan, duration deadline) = 0;
  /// Rank 0, after lead(): row `r` of those after the last norm that the plan wants (sequence_step::wants_hidden), in
  /// the order of its sequences and their tokens. (hidden); valid until the next step.
  virtual std::span<const float> hidden(uint32_t r) const = 0;
  /// The other ranks: waits for the leader's next step, as long as it lives, and runs it. Returns its number.
  virtual result<uint64_t> follow() = 0;
};

}  // namespace troupe
