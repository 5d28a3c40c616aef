// Listening TCP sockets, opened by the process that keeps them (the host agent keeps those of its children, so that a
// restarted gateway answers on the same port and no connection is refused meanwhile).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "base/unique_fd.hpp"

namespace troupe {

/// Binds and listens, close-on-exec and non-blocking. `host` is an address or a name; port 0 takes any free one.
/// Errors (io_failed, invalid_argument) name host:port ("127.0.0.1:8080: the address is in use ...").
result<unique_fd> open_listener(const std::string& host, uint16_t port);

/// "127.0.0.1:8080", "[::1]:8080".
std::string address_text(const std::string& host, uint16_t port);

/// The port that a socket is bound to. Errors: io_failed (not a bound TCP socket).
result<uint16_t> local_port(int socket);

}  // namespace troupe
