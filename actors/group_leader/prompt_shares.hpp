// How the prompts that are being prefilled share a step. Pure.
#pragma once

#include <cstdint>
#include <span>

namespace troupe {

/// Where a step cuts a prompt: attention goes over blocks of so many positions, and a whole one costs no more than a
/// part.
inline constexpr uint32_t prompt_cut_positions = 64;

struct prompt_share {
  /// Where its next chunk begins.
  uint32_t computed = 0;
  /// Ids from there to its end.
  uint32_t left = 0;
  int32_t priority = 0;
  /// What it gets: ids in this step.
  uint32_t tokens = 0;
};

/// Gives out `budget` tokens; `prompts` are in the order of their turn.
/// The first gets half of it, at least one block: however many others come, the one whose turn it is goes on, and with
/// that each in its turn. The others follow by priority, then the one that has least left, so that a long prompt does
/// not hold up short ones; what is left over is the first one's. A cut is at a multiple of 64 positions, unless
/// the first would get nothing otherwise.
void share_budget(uint32_t budget, std::span<prompt_share> prompts);

}  // namespace troupe
