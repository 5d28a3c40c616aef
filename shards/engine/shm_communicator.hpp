// The communicator of ranks that are processes (or threads) of one host: one anonymous memory, made by whoever starts
// them and inherited as a descriptor, new for each generation of a group.
//
// A sum goes in two shots: each rank writes into its slot, each adds up its share of all slots in the order of the
// tree, into slot 0, and all read the result there; short ones in one shot: each rank adds everything itself.
#pragma once

#include <cstdint>
#include <memory>

#include "shards/engine/communicator.hpp"
#include "shards/engine/shm_group.hpp"
#include "shards/engine/shm_layout.hpp"

namespace troupe {

struct shm_communicator_config {
  uint32_t rank = 0;
  uint32_t size = 2;
  /// The same on all ranks.
  size_t floats_max = 0;
  /// Of the group; who meets another one here is refused.
  uint64_t generation = 0;
  /// The shared memory, shm_communicator_bytes() long or longer, zeroed before the first rank joined.
  int fd = -1;
};

/// Errors: invalid_argument (no such size), out_of_memory (more than can be addressed).
result<uint64_t> shm_communicator_bytes(uint32_t size, size_t floats_max);

class shm_communicator final : public communicator {
 public:
  /// Maps the memory; waits for nobody. The descriptor stays the caller's and is not needed afterwards. abort() may be
  /// called from now on. Errors: invalid_argument, io_failed.
  static result<std::unique_ptr<shm_communicator>> open(const shm_communicator_config& config, const clock& time);
  /// On the thread that called meet(): says goodbye to the others.
  ~shm_communicator() override = default;
  shm_communicator(const shm_communicator&) = delete;
  shm_communicator& operator=(const shm_communicator&) = delete;

  /// Joins and waits until all ranks have. The calling thread is the compute thread from now on: while it lives, the
  /// rank lives. Errors: conflict (another generation or size has this memory; this rank has joined before), and those
  /// of collectives.
  result<void> meet(duration deadline);

  uint32_t rank() const override { return config_.rank; }
  uint32_t size() const override { return config_.size; }
  size_t floats_max() const override { return config_.floats_max; }

  result<void> agree(std::string_view what, std::string_view text, duration deadline) override;
  result<std::span<float>> input(size_t floats) override;
  result<std::span<const float>> all_reduce_tree(size_t floats) override;
  result<std::vector<std::span<const float>>> all_gather(size_t floats) override;
  result<void> broadcast(std::vector<std::byte>& bytes, patience how) override;
  result<void> barrier() override;
  result<void> check() override { return group_.check(); }
  void set_deadline(duration deadline) override { group_.set_deadline(deadline); }
  void set_meanwhile(idle_work* work) override { group_.set_meanwhile(work); }
  void abort(std::string_view why) override { group_.abort(why); }

 private:
  shm_communicator(const shm_communicator_config& config, const clock& time, void* memory, size_t bytes,
                   size_t slot_bytes);

  result<void> make_room();
  result<void> enter(call_kind kind, uint64_t size);
  result<void> check_calls() const;
  void leave();

  std::byte* slot(uint32_t rank) const;
  float* slot_floats(uint32_t rank) const { return reinterpret_cast<float*>(slot(rank)); }
  void add_up(size_t begin, size_t end, float* out) const;
  uint32_t entered() const { return static_cast<uint32_t>(2 * number_ + 1); }
  uint32_t done() const { return static_cast<uint32_t>(2 * number_ + 2); }

  struct mapping {
    void* data;
    size_t bytes;
    mapping(void* at, size_t length) : data(at), bytes(length) {}
    ~mapping();
    mapping(const mapping&) = delete;
    mapping& operator=(const mapping&) = delete;
  };

  const shm_communicator_config config_;
  const mapping memory_;  // before group_, which says goodbye in it
  const size_t slot_bytes_;
  shm_group group_;
  /// Of the next collective.
  uint64_t number_ = 0;
  /// The result of a sum in one shot.
  std::vector<float> sum_;
};

}  // namespace troupe
