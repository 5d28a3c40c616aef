// The compute seam: submit a step, get its tokens later. Production: the shard's own thread (actors/outside); in the
// simulator a pure function of prompt, seed and position.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "schemas/cluster.hpp"
#include "schemas/request.hpp"
#include "shards/engine/step.hpp"

namespace troupe {

/// How to choose the tokens after one sequence of the plan (one that wants logits).
///
/// Where it wants the logits of w of its tokens, the last w - 1 of these are guesses. The token after the one before
/// them is drawn; if it is the first guess, so is the one after that guess, and so on: what is drawn is what would have
/// been drawn without guesses.
struct sampling_task {
  /// Index into plan.sequences.
  uint32_t sequence = 0;
  std::shared_ptr<const sampling_params> params;
  /// The sequence's ids without the guesses, for penalties: from prompt_tokens on they were generated. The batch writes
  /// there again when the step has ended, not before.
  std::shared_ptr<const std::vector<token_id>> ids;
  uint32_t prompt_tokens = 0;
};

/// What becomes of the rows that one sequence of the plan wants (wants_hidden): they are added up, in the order of
/// their positions.
struct pooling_task {
  /// Index into plan.sequences.
  uint32_t sequence = 0;
  /// Of its rows in the steps before: (hidden), or empty where there were none.
  std::vector<double> sum{};
};

struct step_request {
  step_plan plan;
  std::vector<sampling_task> sampling;
  std::vector<pooling_task> pooling{};
  /// For one wait of a rank for the others inside the step.
  std::chrono::nanoseconds deadline = std::chrono::seconds(10);
};

struct sampled_token {
  token_id id = 0;
  float logprob = 0;
  std::vector<likely_token> top;
};

struct step_result {
  uint64_t number = 0;
  /// Of each sampling task in order: one, and one more for each guess that was right.
  std::vector<sampled_token> sampled;
  /// Of each pooling task in order: its sum, with the rows of this step.
  std::vector<std::vector<double>> pooled{};
  /// How long the step took on the device.
  std::chrono::nanoseconds took{};
  /// Of that, inside the model; in the rest tokens were chosen.
  std::chrono::nanoseconds in_model{};
};

/// What a rank learnt about its model when it had loaded it.
struct compute_facts {
  /// Backend, instruction set, weights, tree width: failover stays among equal ones.
  std::string fingerprint;
  uint32_t kv_pages = 0;
  uint32_t context_max = 0;
  uint32_t vocab_size = 0;
  uint32_t hidden = 0;
  uint64_t weights_bytes = 0;
};

class compute {
 public:
  virtual ~compute() = default;
  /// Loads the weights and meets the other ranks; the answer comes once, from another thread. `meeting`: where, for a
  /// group on several hosts.
  virtual void open(std::optional<group_meeting> meeting, std::function<void(result<compute_facts>)> done) = 0;
  /// Rank 0 only; one step at a time. After an error (aborted, deadline_exceeded, io_failed) no step will succeed
  /// again: the group ends.
  virtual void submit(step_request request, std::function<void(result<step_result>)> done) = 0;
  /// Ranks above 0: executes the leader's steps until one fails; then says why, once.
  virtual void follow(std::function<void(error)> ended) = 0;
  /// Steps finished since open: what "the step counter advances" means for readiness and watchdogs. Any thread.
  virtual uint64_t steps_finished() const = 0;
  /// Makes a waiting or running collective fail soon, on every rank. Any thread.
  virtual void abort(std::string why) = 0;
};

}  // namespace troupe
