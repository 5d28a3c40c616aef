// What every communicator between ranks has in common, whatever carries it: what a rank says it calls, the order of
// additions, and what it means to agree.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "shards/engine/communicator.hpp"

namespace troupe {

inline constexpr uint32_t collective_ranks_max = 8;
/// Up to here every rank adds everything itself: a second meeting costs more than the additions.
inline constexpr size_t one_shot_floats = 8192;
inline constexpr size_t broadcast_bytes_max = 64 << 20;

/// "rank 3"
std::string rank_text(uint32_t rank);

enum class call_kind : uint32_t { none, all_reduce, all_gather, broadcast, barrier };

/// What a rank says it calls, so that ranks that call different things find out instead of reading nonsense.
struct collective_call {
  call_kind kind = call_kind::none;
  /// Floats; bytes of the whole message for broadcast.
  uint64_t size = 0;

  friend bool operator==(const collective_call&, const collective_call&) = default;
};

/// "rank 0 is in a sum of 8 floats while rank 1 is in a barrier": internal.
error different_calls(uint32_t rank, const collective_call& ours, uint32_t peer, const collective_call& theirs);

/// Fails (invalid_argument) unless `size` is 1, 2, 4 or 8 and `rank` is below it.
result<void> check_ranks(uint32_t rank, uint32_t size);
/// Fails (payload_too_large) where a broadcast is longer than broadcast_bytes_max.
result<void> check_broadcast(size_t bytes);

/// out[i] = the sum over the ranks of from[rank][i], for i in [0, floats), added as ((0+1)+(2+3))+((4+5)+(6+7)).
/// `from` has 1, 2, 4 or 8 entries; `out` may be one of them.
void add_in_tree(std::span<const float* const> from, size_t floats, float* out);

/// How many floats of each rank an agreement gathers: the text and its length.
inline constexpr size_t agreed_floats = 1024;
/// `text` as a part to be gathered. Errors: invalid_argument (too long).
result<void> write_agreed(std::string_view what, std::string_view text, std::span<float> part);
/// Fails with `conflict` unless all ranks' parts hold `text`. `rank` is our own.
result<void> compare_agreed(std::string_view what, std::string_view text, uint32_t rank,
                            std::span<const std::span<const float>> parts);

/// What communicator::agree() does, for a communicator whose `group` has the deadline and ends when there is no
/// agreement. `mine` is where this rank's part of all_gather(agreed_floats) is to be written.
template <class Group>
result<void> agree_on(std::string_view what, std::string_view text, duration deadline, communicator& ranks,
                      Group& group, std::span<float> mine) {
  TROUPE_TRY(write_agreed(what, text, mine));
  const duration usual = group.deadline();
  group.set_deadline(deadline);
  TROUPE_ASSIGN(const std::vector<std::span<const float>> texts, ranks.all_gather(agreed_floats));
  group.set_deadline(usual);
  if (auto same = compare_agreed(what, text, ranks.rank(), texts); !same) return group.fail(std::move(same).err());
  return {};
}

}  // namespace troupe
