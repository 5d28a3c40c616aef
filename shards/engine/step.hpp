// One step of a group: which tokens of which sequences go through the model, and where their keys and values live.
// Made by the group leader's batch plan, broadcast by rank 0 through the communicator, executed by every rank.
#pragma once

#include <cstdint>
#include <vector>

#include "base/ids.hpp"

namespace troupe {

/// Positions per page of the KV cache.
inline constexpr uint32_t kv_page_positions = 16;

/// One sequence's part of a step.
struct sequence_step {
  /// The absolute position of tokens[0]; everything before it is in the pages already.
  uint32_t first_position = 0;
  /// One token for a decode, a chunk for a prefill; never empty.
  std::vector<token_id> tokens;
  /// The block table: pages[p / 16] holds position p, for every p < first_position + tokens.size().
  std::vector<uint32_t> pages;
  /// Of how many of the last tokens the logits are wanted: 1 to draw the next token, one more for each token that was
  /// only guessed and is verified here. At most tokens.size().
  uint32_t wants_logits = 0;
  /// Of how many of the last tokens the rows after the last norm are wanted, for an embedding. At most tokens.size().
  uint32_t wants_hidden = 0;

  friend bool operator==(const sequence_step&, const sequence_step&) = default;
};

struct step_plan {
  uint64_t number = 0;
  std::vector<sequence_step> sequences;

  friend bool operator==(const step_plan&, const step_plan&) = default;
};

}  // namespace troupe
