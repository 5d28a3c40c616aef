// The production `compute`: one thread that owns a rank's communicator and shard, opened and closed on it, and on rank
// 0 chooses the tokens. Actors submit and are called back from that thread; they post what they learn to their own
// mailbox.
#pragma once

#include <cstdint>
#include <memory>

#include "actors/seams/compute.hpp"
#include "base/clock.hpp"
#include "base/unique_fd.hpp"
#include "shards/engine/shard.hpp"

namespace troupe {

struct shard_compute_config {
  shard_config shard;
  /// The group's memory, inherited from the host agent; shard_compute_memory_bytes() long. Not used where shard.tp
  /// is 1 or the group is on several hosts. The descriptor stays the caller's; it may be closed once open()'s callback
  /// has come.
  int shared_memory_fd = -1;
  /// Where the group is on several hosts: a TCP socket that listens where the other ranks are told. Closed when all
  /// have met.
  unique_fd listening_socket{};
  /// Of the group; a rank of another one is refused.
  uint64_t generation = 0;
};

/// The size of the memory that a group's ranks share: `shared_memory_bytes` of process_host::start(). 0 for tp = 1.
/// Reads the model's config.json; the shard's rank does not matter. Errors: as shard_floats_max().
result<uint64_t> shard_compute_memory_bytes(const shard_config& config);

/// Its destructor aborts what runs and joins the thread: it must not be called from one of its own callbacks. Callbacks
/// that are still owed come before it returns, with `aborted`.
std::unique_ptr<compute> make_shard_compute(shard_compute_config config, const clock& time);

}  // namespace troupe
