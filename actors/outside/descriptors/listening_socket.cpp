#include "actors/outside/descriptors/listening_socket.hpp"

#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <memory>

namespace troupe {
namespace {

constexpr int backlog = 1024;

error bind_error(int reason, const std::string& where) {
  switch (reason) {
    case EADDRINUSE:
      return {errc::io_failed,
              where + ": the address is in use: another program listens there; stop it or choose another port"};
    case EACCES: return {errc::io_failed, where + ": not allowed to listen there (ports below 1024 need privileges)"};
    case EADDRNOTAVAIL: return {errc::io_failed, where + ": this machine does not have that address"};
    default: return {errc::io_failed, where + ": cannot listen: " + std::strerror(reason)};
  }
}

}  // namespace

result<unique_fd> open_listener(const std::string& host, uint16_t port) {
  std::string where = address_text(host, port);
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  // An empty host would mean "everywhere" to getaddrinfo: nobody gets that by leaving something out.
  if (host.empty()) return {errc::invalid_argument, "an address to listen on is empty (0.0.0.0 means everywhere)"};
  if (int failed = ::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found); failed != 0) {
    return {errc::invalid_argument, where + ": " + ::gai_strerror(failed)};
  }
  std::unique_ptr<addrinfo, void (*)(addrinfo*)> addresses(found, ::freeaddrinfo);
  int reason = EADDRNOTAVAIL;
  for (const addrinfo* address = addresses.get(); address != nullptr; address = address->ai_next) {
    unique_fd socket(::socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, address->ai_protocol));
    if (!socket) {
      reason = errno;
      continue;
    }
    int on = 1;
    // A restarted process may listen although connections of the one before it have not timed out.
    ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (::bind(socket.get(), address->ai_addr, address->ai_addrlen) == 0 && ::listen(socket.get(), backlog) == 0) {
      return socket;
    }
    reason = errno;
  }
  return bind_error(reason, where);
}

std::string address_text(const std::string& host, uint16_t port) {
  return (host.find(':') == std::string::npos ? host : "[" + host + "]") + ":" + std::to_string(port);
}

result<uint16_t> local_port(int socket) {
  sockaddr_storage address{};
  socklen_t length = sizeof address;
  if (::getsockname(socket, reinterpret_cast<sockaddr*>(&address), &length) != 0) {
    return {errc::io_failed, "descriptor " + std::to_string(socket) + " is not a socket: " + std::strerror(errno)};
  }
  if (address.ss_family == AF_INET) return ntohs(reinterpret_cast<const sockaddr_in&>(address).sin_port);
  if (address.ss_family == AF_INET6) return ntohs(reinterpret_cast<const sockaddr_in6&>(address).sin6_port);
  return {errc::io_failed, "descriptor " + std::to_string(socket) + " is not a TCP socket"};
}

}  // namespace troupe
