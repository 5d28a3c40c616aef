// Whether a plan can be run: nothing of it is trusted, for a page or a token out of range would be read out of bounds.
#pragma once

#include <cstdint>
#include <vector>

#include "base/result.hpp"
#include "shards/engine/step.hpp"

namespace troupe {

struct plan_limits {
  uint32_t rows_max = 0, sequences_max = 0, logits_max = 0, context_max = 0, vocab_size = 0, kv_pages = 0;
};

/// Keeps a mark for each page, so that a check costs no more than the plan is long.
class plan_checker {
 public:
  explicit plan_checker(const plan_limits& limits) : limits_(limits), marks_(limits.kv_pages) {}

  /// Errors: invalid_argument, naming the sequence and the bound. A page that the step writes must be in no other place
  /// of any block table of the plan; pages that are only read may be shared.
  result<void> check(const step_plan& plan);

 private:
  struct mark {
    uint64_t check = 0;
    uint32_t sequence = 0, index = 0;
  };

  plan_limits limits_;
  std::vector<mark> marks_;
  uint64_t checks_ = 0;
};

}  // namespace troupe
