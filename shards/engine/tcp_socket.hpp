// TCP sockets as the ranks of a group use them: none of these calls blocks, but wait_for_event().
#pragma once

#include <sys/socket.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "base/unique_fd.hpp"

namespace troupe {

/// Where a rank listens. The host is an address, not a name: looking one up could block.
struct tcp_address {
  std::string host;
  uint16_t port = 0;
};

namespace tcp {

struct socket_address {
  sockaddr_storage storage{};
  socklen_t length = 0;
  /// "127.0.0.1:8080"
  std::string text;
};

/// Errors: invalid_argument (not an IPv4 or IPv6 address).
result<socket_address> resolve(const tcp_address& address);

/// What one attempt to move bytes has come to.
struct moved {
  size_t bytes = 0;
  /// No more will: the other end has closed (0), or the connection has failed (errno).
  bool ended = false;
  int reason = 0;
};

/// The socket is close-on-exec and non-blocking; the connection is made when it becomes writable. Errors: io_failed,
/// unavailable (nobody can be reached there now).
result<unique_fd> begin_connect(const socket_address& to);
/// Of a socket that has become writable after begin_connect(): 0, or why there is no connection.
int connect_error(int fd);
/// The next connection, or none. Errors: io_failed.
result<unique_fd> accept_one(int listening_fd);
/// Small messages leave at once; a host that is gone is noticed even by a rank that only waits. Errors: io_failed.
result<void> set_options(int fd);

/// `first`, then `second`, as far as the kernel takes them.
moved send_some(int fd, std::span<const std::byte> first, std::span<const std::byte> second = {});
/// Fills `first`, then `second`, as far as there is something.
moved receive_some(int fd, std::span<std::byte> first, std::span<std::byte> second = {});

/// Waits until poll()'s `events` come, an error or a hang-up included, or for `most`.
bool wait_for_event(int fd, short events, duration most);
/// poll()'s timeout, rounded up.
int poll_ms(duration most);
/// Closes so that what was sent still arrives: a socket closed over unread bytes throws away what it has not yet sent.
void close_gently(unique_fd fd);

}  // namespace tcp
}  // namespace troupe
