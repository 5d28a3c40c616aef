#include "shards/engine/adaptive_spins.hpp"

#include <sched.h>

#include <algorithm>

namespace troupe {
namespace {

constexpr uint32_t sleeps_between_trials = 64;
constexpr uint32_t times_usual = 4;
constexpr uint32_t decay = 8;

uint32_t cores() {
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof(set), &set) != 0) return 1;
  return static_cast<uint32_t>(CPU_COUNT(&set));
}

}  // namespace

adaptive_spins::adaptive_spins(uint32_t workers, const bounds& limits)
    : least_(cores() >= workers ? limits.worth : limits.without_cores),
      most_(cores() >= workers ? limits.most : limits.without_cores),
      spins_(most_),
      usual_(most_ / times_usual) {}

void adaptive_spins::found(uint32_t after) {
  usual_ = usual_ - usual_ / decay + after / decay;
  spins_ = std::clamp(usual_ * times_usual, least_, most_);
}

void adaptive_spins::slept() {
  ++sleeps_;
  spins_ = sleeps_ % sleeps_between_trials == 0 ? most_ : std::max(spins_ / 2, least_);
}

}  // namespace troupe
