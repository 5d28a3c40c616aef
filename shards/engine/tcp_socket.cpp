#include "shards/engine/tcp_socket.hpp"

#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <system_error>

namespace troupe::tcp {
namespace {

/// A host that does not answer for this long is taken for gone (keepalive probes, and bytes not acknowledged).
constexpr int silent_seconds_before_probes = 5;
constexpr int seconds_between_probes = 2;
constexpr int probes = 5;
constexpr unsigned int unacknowledged_ms_max = 15'000;

std::string reason_text(int reason) { return std::generic_category().message(reason); }

bool only_later(int reason) { return reason == EAGAIN || reason == EWOULDBLOCK || reason == EINTR; }

template <class T>
result<void> set_option(int fd, int level, int name, T value) {
  if (setsockopt(fd, level, name, &value, sizeof(value)) == 0) return {};
  return error{errc::io_failed, "a connection between ranks: " + reason_text(errno)};
}

}  // namespace

result<socket_address> resolve(const tcp_address& address) {
  const bool six = address.host.find(':') != std::string::npos;
  const std::string port = std::to_string(address.port);
  socket_address resolved;
  resolved.text = (six ? "[" + address.host + "]" : address.host) + ":" + port;
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  if (address.host.empty() || address.port == 0 ||
      getaddrinfo(address.host.c_str(), port.c_str(), &hints, &found) != 0) {
    return error{errc::invalid_argument, "\"" + resolved.text + "\" is not the address and port of a rank"};
  }
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> owner(found, freeaddrinfo);
  std::memcpy(&resolved.storage, found->ai_addr, found->ai_addrlen);
  resolved.length = found->ai_addrlen;
  return resolved;
}

result<unique_fd> begin_connect(const socket_address& to) {
  unique_fd fd(socket(to.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd) return error{errc::io_failed, "a socket for " + to.text + ": " + reason_text(errno)};
  TROUPE_TRY(set_options(fd.get()));
  if (connect(fd.get(), reinterpret_cast<const sockaddr*>(&to.storage), to.length) != 0 && errno != EINPROGRESS)
    return error{errc::unavailable, to.text + ": " + reason_text(errno)};
  return fd;
}

int connect_error(int fd) {
  int reason = 0;
  socklen_t length = sizeof(reason);
  if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &reason, &length) != 0) return errno;
  if (reason != 0) return reason;
  sockaddr_storage peer{};
  length = sizeof(peer);
  if (getpeername(fd, reinterpret_cast<sockaddr*>(&peer), &length) != 0) return errno;
  // Where nobody listens at a port of the range for clients, a socket can meet itself there.
  sockaddr_storage own{};
  socklen_t own_length = sizeof(own);
  if (getsockname(fd, reinterpret_cast<sockaddr*>(&own), &own_length) != 0) return errno;
  return length == own_length && std::memcmp(&peer, &own, length) == 0 ? ECONNREFUSED : 0;
}

result<unique_fd> accept_one(int listening_fd) {
  unique_fd fd(accept4(listening_fd, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (fd) {
    // One that is gone already cannot be set: the next comes.
    if (!set_options(fd.get())) fd.reset();
    return fd;
  }
  if (only_later(errno) || errno == ECONNABORTED) return fd;
  return error{errc::io_failed, "the socket on which a rank listens: " + reason_text(errno)};
}

result<void> set_options(int fd) {
  TROUPE_TRY(set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1));
  TROUPE_TRY(set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1));
  TROUPE_TRY(set_option(fd, IPPROTO_TCP, TCP_KEEPIDLE, silent_seconds_before_probes));
  TROUPE_TRY(set_option(fd, IPPROTO_TCP, TCP_KEEPINTVL, seconds_between_probes));
  TROUPE_TRY(set_option(fd, IPPROTO_TCP, TCP_KEEPCNT, probes));
  return set_option(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, unacknowledged_ms_max);
}

moved send_some(int fd, std::span<const std::byte> first, std::span<const std::byte> second) {
  std::array<iovec, 2> parts{iovec{const_cast<std::byte*>(first.data()), first.size()},
                             iovec{const_cast<std::byte*>(second.data()), second.size()}};
  msghdr message{};
  message.msg_iov = parts.data();
  message.msg_iovlen = parts.size();
  const ssize_t sent = sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
  if (sent >= 0) return {.bytes = static_cast<size_t>(sent)};
  if (only_later(errno)) return {};
  return {.ended = true, .reason = errno};
}

moved receive_some(int fd, std::span<std::byte> first, std::span<std::byte> second) {
  if (first.empty() && second.empty()) return {};
  std::array<iovec, 2> parts{iovec{first.data(), first.size()}, iovec{second.data(), second.size()}};
  msghdr message{};
  message.msg_iov = parts.data();
  message.msg_iovlen = parts.size();
  const ssize_t received = recvmsg(fd, &message, MSG_DONTWAIT);
  if (received > 0) return {.bytes = static_cast<size_t>(received)};
  if (received == 0) return {.ended = true};
  if (only_later(errno)) return {};
  return {.ended = true, .reason = errno};
}

int poll_ms(duration most) {
  return static_cast<int>(std::chrono::ceil<std::chrono::milliseconds>(std::max(most, duration::zero())).count());
}

bool wait_for_event(int fd, short events, duration most) {
  pollfd one{.fd = fd, .events = events, .revents = 0};
  return poll(&one, 1, poll_ms(most)) > 0;
}

void close_gently(unique_fd fd) {
  if (!fd) return;
  shutdown(fd.get(), SHUT_WR);
  std::array<std::byte, 4096> unread;
  for (int i = 0; i < 64; ++i)
    if (receive_some(fd.get(), unread).bytes == 0) break;
}

}  // namespace troupe::tcp
