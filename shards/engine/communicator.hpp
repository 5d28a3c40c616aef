// The collectives of one group: what its ranks say to each other inside a step. Every rank makes the same calls in the
// same order, from one thread, its compute thread; only abort() may be called from another one.
//
// Nothing here waits for ever: a wait ends with the peers' arrival, with the deadline, with abort(), or with the death
// of a peer. After any error the group is at its end: every further call fails.
//
// Numbers are written into the communicator's own memory and its results are read where they lie, so that nothing is
// copied: input(), fill it, all_reduce_tree() or all_gather(), read the result until the next input().
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "shards/engine/idle_work.hpp"

namespace troupe {

/// Whether a rank may wait for the others without end (while they live), or only until the deadline.
enum class patience : uint8_t { deadline, while_they_live };

/// Errors of every collective: aborted (the reason, and which rank gave it), deadline_exceeded (names the rank that is
/// late), unavailable (names the rank that died or left), internal (the ranks do not make the same calls).
class communicator {
 public:
  virtual ~communicator() = default;

  virtual uint32_t rank() const = 0;
  /// The number of ranks: 1, 2, 4 or 8.
  virtual uint32_t size() const = 0;
  /// How many floats one collective carries at most.
  virtual size_t floats_max() const = 0;

  /// Fails with `conflict` unless all ranks give the same text; `what` names it in the error.
  virtual result<void> agree(std::string_view what, std::string_view text, duration deadline) = 0;

  /// Where this rank's part of the next all_reduce_tree() or all_gather() is to be written. `floats` <= floats_max().
  virtual result<std::span<float>> input(size_t floats) = 0;
  /// The sum over the ranks of what they wrote into input(floats), added in the fixed tree ((0+1)+(2+3))+((4+5)+(6+7)):
  /// the same bits on every rank. Valid until this rank calls input() again.
  virtual result<std::span<const float>> all_reduce_tree(size_t floats) = 0;
  /// Every rank's input, by rank; all give the same length. Valid as above.
  virtual result<std::vector<std::span<const float>>> all_gather(size_t floats) = 0;
  /// Rank 0's `bytes` to all: the others' vector is replaced. At most 64 MiB. Rank 0 does not wait for the others to
  /// read.
  virtual result<void> broadcast(std::vector<std::byte>& bytes, patience how) = 0;
  /// Returns when all have called it.
  virtual result<void> barrier() = 0;

  /// The error that the next collective would fail with, if it is known already.
  virtual result<void> check() = 0;
  /// How long one wait may last; from the next wait on.
  virtual void set_deadline(duration deadline) = 0;
  /// What the compute thread does, as thread 0, while it waits for others; null: nothing. It must outlive that.
  virtual void set_meanwhile(idle_work* /*work*/) {}
  /// Ends the group: running and future calls of every rank fail with `aborted` and this reason (the first one given).
  /// Any thread.
  virtual void abort(std::string_view why) = 0;
};

}  // namespace troupe
