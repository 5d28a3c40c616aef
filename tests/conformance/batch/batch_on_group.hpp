// A batch, the group that runs its steps and the sampler: what a group leader and its compute do, without actors.
#pragma once

#include <functional>

#include "actors/group_leader/batch.hpp"
#include "actors/outside/compute/step_pooling.hpp"
#include "actors/outside/compute/step_sampling.hpp"
#include "tests/unit/engine/test_group.hpp"

namespace troupe::test {

class batch_on_group {
 public:
  /// Context, vocabulary and pages of the limits are the group's.
  batch_on_group(const group_options& options, batch_limits limits);

  batch& streams() { return batch_; }
  /// Called for each token that a step draws, before the batch knows it: the task, how many tokens of it were drawn
  /// before in this step, the token and the hash of its logits.
  using on_drawn = std::function<void(const sampling_task&, size_t, const sampled_token&, uint64_t)>;
  /// Called while a step runs: as messages come in the middle of one.
  using meanwhile = std::function<void()>;

  /// Runs one step, of which there must be something to do or to wait for. Checks that pages are conserved.
  std::vector<batch::token_for> step(const on_drawn& drawn, const meanwhile& during, instant now = {});
  bool has_planned() const { return planned_; }

 private:
  void check_pages() const;

  test_group group_;
  batch batch_;
  bool planned_ = false;
};

}  // namespace troupe::test
