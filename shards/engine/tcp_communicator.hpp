// The communicator of ranks on several hosts: each pair of ranks has two TCP connections of its own. The additions are
// those of shared memory, in the same order, so the bits are too.
//
// A short sum goes in one shot: each rank sends all it has to each other one, and adds everything itself. A long one
// goes in two: each rank gets its share from the others, adds it up, and sends the result to all. Sending and receiving
// go on together, so that no message is too long for the sockets.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include "shards/engine/communicator.hpp"
#include "shards/engine/tcp_group.hpp"
#include "shards/engine/tcp_socket.hpp"

namespace troupe {

struct tcp_communicator_config {
  uint32_t rank = 0;
  /// 2, 4 or 8.
  uint32_t size = 2;
  /// The same on all ranks.
  size_t floats_max = 0;
  /// Of the group; who has another one is refused.
  uint64_t generation = 0;
  /// Random, told only to the ranks of this group and generation: who does not know it is refused. What the ranks say
  /// is not encrypted.
  std::array<std::byte, 16> secret{};
  /// A TCP socket that listens where the others look for this rank; the last rank needs none. It is made non-blocking,
  /// and is the caller's to close, after meet().
  int listening_fd = -1;
  /// Where the ranks listen, by rank; used of those below this one.
  std::vector<tcp_address> addresses;
};

/// What one rank's takes.
uint64_t tcp_communicator_bytes(uint32_t size, size_t floats_max);

class tcp_communicator final : public communicator {
 public:
  /// Waits for nobody. abort() may be called from now on. Errors: invalid_argument, out_of_memory, io_failed.
  static result<std::unique_ptr<tcp_communicator>> open(const tcp_communicator_config& config, const clock& time);
  /// On the thread that called meet(): says goodbye to the others.
  ~tcp_communicator() override = default;
  tcp_communicator(const tcp_communicator&) = delete;
  tcp_communicator& operator=(const tcp_communicator&) = delete;

  /// Connects with all other ranks and waits until they have met too. The calling thread is the compute thread from now
  /// on. Errors: conflict (another generation, size or secret; this rank has joined before), corrupt or not_supported
  /// (something else listens at a rank's address), and those of collectives.
  result<void> meet(duration deadline);

  uint32_t rank() const override { return config_.rank; }
  uint32_t size() const override { return config_.size; }
  size_t floats_max() const override { return config_.floats_max; }

  result<void> agree(std::string_view what, std::string_view text, duration deadline) override;
  result<std::span<float>> input(size_t floats) override;
  result<std::span<const float>> all_reduce_tree(size_t floats) override;
  result<std::vector<std::span<const float>>> all_gather(size_t floats) override;
  /// Rank 0 waits until the sockets have taken the message.
  result<void> broadcast(std::vector<std::byte>& bytes, patience how) override;
  result<void> barrier() override;
  /// A peer that died shows in the next collective.
  result<void> check() override { return group_.check(); }
  void set_deadline(duration deadline) override { group_.set_deadline(deadline); }
  /// Where two ranks abort at the same time, others may hear either reason first.
  void abort(std::string_view why) override { group_.abort(why); }

 private:
  struct part {
    size_t begin, end;
    size_t size() const { return end - begin; }
  };

  tcp_communicator(const tcp_communicator_config& config, std::vector<tcp::socket_address> below, const clock& time);

  part share(uint32_t rank, size_t floats) const;
  std::span<float> inputs() { return inputs_[turn_]; }
  std::span<float> received(uint32_t peer) { return std::span(received_[peer]); }
  void send(uint32_t peer, call_kind kind, uint64_t size, std::span<const std::byte> payload);
  void receive(uint32_t peer, call_kind kind, uint64_t size, std::span<std::byte> payload);
  result<void> finish(patience how = patience::deadline);
  result<void> swap_all(call_kind kind, size_t floats);
  result<void> add_in_two_shots(size_t floats);

  const tcp_communicator_config config_;
  const std::vector<tcp::socket_address> below_;
  const clock& time_;
  const tcp::identity who_;
  tcp::group group_;
  /// Two by turns: the next one may be written while the last gathering is being read.
  std::array<std::vector<float>, 2> inputs_;
  size_t turn_ = 0;
  /// What came from each rank; none for our own.
  std::vector<std::vector<float>> received_;
  std::vector<float> sum_;
};

}  // namespace troupe
