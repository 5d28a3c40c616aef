// The HTTP/1.1 server: accepts connections, reads requests with every limit of the design, answers in order, and
// streams server-sent events to clients of which none can hold up another. What it does not understand exactly it
// refuses.
//
// Each I/O thread is a lane: its own io_context and its own connections, which therefore need no locks. Long bodies are
// handled on one worker thread beside the lanes, so that tokenizing a book holds up no stream.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/clock.hpp"
#include "base/log.hpp"
#include "base/random.hpp"
#include "base/result.hpp"
#include "gateway/api/gateway_metrics.hpp"
#include "gateway/api/http_exchange.hpp"
#include "schemas/cluster_config.hpp"

namespace troupe {

struct http_server_config {
  /// An IPv4 or IPv6 address and a port (0: any free one); not used with `listening_fd`.
  std::string address = "127.0.0.1";
  uint16_t port = 0;
  /// An inherited TCP socket that listens already, or -1. The server owns it from then on.
  int listening_fd = -1;

  /// The limits that operators set.
  http_config limits;

  uint32_t fields_max = 64;
  /// A body may take so long, and a second more for each so many bytes that have arrived.
  std::chrono::milliseconds body_timeout{10'000};
  uint32_t body_bytes_per_second_min = 4096;
  /// Of all requests being read or parsed at once; beyond it: overloaded.
  uint64_t bodies_bytes_max = 256 << 20;
  /// Bodies of at least so many bytes are handled on the worker thread.
  uint32_t worker_body_bytes = 32 << 10;
  /// The kernel's send buffer of one connection.
  uint32_t send_buffer_bytes = 256 << 10;
  /// After a refusal that leaves unread input: how long we read on so that the client gets to see the answer.
  std::chrono::milliseconds linger_timeout{2'000};
  /// Answers of so many bytes are compressed for clients that ask for it.
  uint32_t gzip_bytes_min = 1024;
  uint32_t gzip_bytes_max = 1 << 20;
};

class http_server {
 public:
  virtual ~http_server() = default;  // Ends at once, cancelling what runs. Not from a thread of the server's.

  /// Binds and serves. The references must outlive the server. Errors: invalid_argument (not an address, not a
  /// listening TCP socket), io_failed (the port is in use, ...); they name the address.
  static result<std::unique_ptr<http_server>> start(http_server_config config, http_handler& handler, const clock& time,
                                                    random_source& random, logger& log, gateway_metrics& metrics);

  virtual uint16_t port() const = 0;
  /// "127.0.0.1:8080", "[::1]:8080"
  virtual std::string address() const = 0;

  /// Stops accepting and closes idle connections; requests that have begun finish, and are cut at the deadline. Then
  /// calls `done`, once, from a thread of the server's, with the number that was cut. Any thread; a later call does
  /// nothing.
  virtual void drain(duration deadline, std::function<void(size_t cut)> done) = 0;
};

}  // namespace troupe
