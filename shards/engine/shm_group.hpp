// Who is in a group that shares memory, and how far each rank is: joining, waiting for each other, and learning that
// one is late, has died or has ended the group. The collectives of shm_communicator are made of raise() and wait_for().
//
// A wait spins for a while, then sleeps in slices; meanwhile it looks at the abort word and the peers' liveness words.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "shards/engine/adaptive_spins.hpp"
#include "shards/engine/communicator.hpp"
#include "shards/engine/shm_layout.hpp"

namespace troupe {

/// Used by one thread, the rank's compute thread, but for abort().
class shm_group {
 public:
  /// `control` outlives the object.
  shm_group(shm::control& control, uint32_t rank, const shm::identity& group, const clock& time);
  /// Says goodbye to the others.
  ~shm_group();
  shm_group(const shm_group&) = delete;
  shm_group& operator=(const shm_group&) = delete;

  uint32_t rank() const { return rank_; }
  uint32_t size() const { return group_.size; }
  bool joined() const { return joined_; }
  shm::rank_control& of(uint32_t rank) const { return control_.ranks[rank]; }

  /// Joins, and returns when all have. From here on the calling thread's life is the rank's.
  /// Errors: conflict (another group has this memory; this rank has joined before), those of wait_for().
  result<void> join(duration deadline);

  /// Tells the others how far this rank is, and wakes those who sleep for it.
  void raise(uint32_t progress);
  /// Waits until a rank has come to `target`. Errors: aborted, deadline_exceeded, unavailable; all of them for good.
  result<void> wait_for(uint32_t peer, uint32_t target, patience how);
  /// The same for all others, until the deadline.
  result<void> wait_for_all(uint32_t target);
  /// Fails when the group has ended.
  result<void> check();
  /// Ends the group for this reason, which is returned. The others learn it too, for they may be waiting for this rank.
  error fail(error why);
  /// Any thread.
  void abort(std::string_view why);

  void set_deadline(duration deadline) { deadline_ = deadline; }
  duration deadline() const { return deadline_; }
  void set_meanwhile(idle_work* work) { meanwhile_ = work; }

 private:
  result<void> name_group();
  result<void> look_around(uint32_t target);
  void sleep_on(uint32_t peer, uint32_t target, duration slice);

  shm::control& control_;
  const uint32_t rank_;
  const shm::identity group_;
  const clock& time_;
  bool joined_ = false;
  duration deadline_ = std::chrono::seconds(10);
  std::optional<error> failed_;
  adaptive_spins spins_;
  idle_work* meanwhile_ = nullptr;
};

}  // namespace troupe
