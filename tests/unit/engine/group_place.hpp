// Where the ranks of a test's group meet: shared memory, or TCP sockets of this host. Made before the ranks, which may
// be threads or forked processes.
#pragma once

#include <cstdint>
#include <iosfwd>
#include <memory>
#include <vector>

#include "base/clock.hpp"
#include "base/unique_fd.hpp"
#include "shards/engine/communicator.hpp"
#include "shards/engine/tcp_communicator.hpp"

namespace troupe::test {

enum class transport : uint8_t { shm, tcp };
std::ostream& operator<<(std::ostream& out, transport how);

/// Anonymous shared memory, zeroed.
class shared_memory {
 public:
  explicit shared_memory(uint64_t bytes);
  int fd() const { return fd_.get(); }

 private:
  unique_fd fd_;
};

/// A socket that listens on a free port of this host, and where that is.
struct listener {
  unique_fd socket;
  tcp_address address;
};
listener listen_here();

class group_place {
 public:
  static constexpr uint64_t generation = 3;

  group_place(transport how, uint32_t size, size_t floats_max);
  /// As a rank of the group, which has met when this returns. Any thread: it becomes the rank's compute thread.
  result<std::unique_ptr<communicator>> join(uint32_t rank, const clock& time,
                                             duration deadline = std::chrono::minutes(1)) const;
  /// What a rank opens its communicator with; to be changed where somebody is to be refused.
  tcp_communicator_config tcp_config(uint32_t rank) const;
  const shared_memory& memory() const { return *memory_; }

 private:
  transport how_;
  uint32_t size_;
  size_t floats_max_;
  std::unique_ptr<shared_memory> memory_;
  std::vector<listener> listeners_;
};

}  // namespace troupe::test
