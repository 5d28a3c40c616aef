// What lies in the memory that the ranks of one group and generation share: a control part, then two slots of floats
// for each rank, used by turns. The memory is zero at first, and zero is the right beginning of every field.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "base/result.hpp"
#include "shards/engine/collective_call.hpp"
#include "shards/engine/liveness_word.hpp"

namespace troupe::shm {

inline constexpr uint32_t ranks_max = collective_ranks_max;
inline constexpr size_t reason_bytes = 512;

enum class rank_state : uint32_t { absent, joined, left };

/// Written by its rank alone.
struct rank_control {
  liveness_word alive;  // from `joined` on
  std::atomic<uint32_t> state;
  /// By the parity of the collective's number.
  collective_call calls[2];
  /// For the rank's n-th collective (from 0): 2n + 1 when its input is ready, 2n + 2 when it has done its share. Wraps.
  alignas(64) std::atomic<uint32_t> progress;
  /// How many sleep on `progress`. Written by those.
  std::atomic<uint32_t> sleepers;
};

/// Which group this is: written by whoever comes first, compared by the others.
struct identity {
  uint64_t generation = 0;
  uint64_t floats_max = 0;
  uint32_t size = 0;

  friend bool operator==(const identity&, const identity&) = default;
};

/// Of `named` and `aborted`: nobody, somebody is writing what belongs to it, it is written.
enum class once : uint32_t { nobody, writing, written };

struct control {
  std::atomic<uint32_t> named;
  identity group;
  alignas(64) std::atomic<uint32_t> aborted;
  uint32_t aborting_rank;
  char reason[reason_bytes];  // ends in a zero
  alignas(64) rank_control ranks[ranks_max];
};

/// The bytes of one slot: floats_max floats in whole pages of memory.
result<size_t> slot_bytes(size_t floats_max);

}  // namespace troupe::shm
