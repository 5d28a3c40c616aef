// How the ranks of a group find each other: each rank connects to those below it, twice (data and control), and waits
// for those above it. Whoever else comes is answered by name and closed, and the group goes on.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "shards/engine/tcp_group.hpp"
#include "shards/engine/tcp_socket.hpp"
#include "shards/engine/tcp_wire.hpp"

namespace troupe::tcp {

class meeting {
 public:
  /// `below`: where the ranks below this one listen, by rank. All outlive the object.
  meeting(tcp::group& group, uint32_t rank, const identity& who, int listening_fd,
          std::span<const socket_address> below, const clock& time)
      : group_(group), rank_(rank), who_(who), listening_fd_(listening_fd), below_(below), time_(time) {}

  /// Returns when this rank is connected with all others. Errors: deadline_exceeded (names who has not come), conflict
  /// (we are refused), corrupt or not_supported (something else listens there), aborted, unavailable, io_failed. The
  /// caller ends the group then.
  result<void> run(duration deadline);

 private:
  /// A connection that has not said all of its hello.
  struct stranger {
    unique_fd connection;
    hello_block bytes{};
    size_t received = 0;
  };

  result<void> connect_to(uint32_t peer, channel which);
  result<bool> try_to_connect(uint32_t peer, channel which);
  result<bool> receive_all(int fd, uint32_t peer, std::span<std::byte> into);
  result<void> let_in();
  bool heard_out(stranger& one);
  result<hello> judge(const hello_block& bytes) const;
  std::optional<uint32_t> missing() const;
  error not_in_time(uint32_t peer) const;

  tcp::group& group_;
  const uint32_t rank_;
  const identity& who_;
  const int listening_fd_;
  const std::span<const socket_address> below_;
  const clock& time_;
  instant until_;
  std::vector<stranger> strangers_;
  /// What last went wrong, for the error at the deadline.
  std::string last_trouble_;
};

}  // namespace troupe::tcp
