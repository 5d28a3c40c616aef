// What all connections of one server share.
#pragma once

#include <atomic>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/thread_pool.hpp>
#include <map>
#include <mutex>

#include "gateway/http/http_server.hpp"
#include "gateway/http/request_reader.hpp"

namespace troupe {

/// What becomes of a new connection.
enum class connection_place : uint8_t {
  served,
  /// A limit was reached: it is told so, for which there are a few places more.
  refused_by_all,
  refused_by_address,
  /// Not even that.
  none
};

/// "connections" or "address": the limit that was reached; nullptr for one that is served.
const char* refused_by(connection_place place);

/// Counts connections against the limits. Any thread.
class connection_counts {
 public:
  static constexpr size_t refused_max = 64;

  connection_counts(size_t all_max, size_t per_address_max) : all_max_(all_max), per_address_max_(per_address_max) {}

  connection_place add(const boost::asio::ip::address& address);
  void remove(const boost::asio::ip::address& address, connection_place place);
  /// Those that are served.
  size_t served() const;

 private:
  const size_t all_max_;
  const size_t per_address_max_;
  mutable std::mutex mutex_;
  size_t served_ = 0;
  size_t refused_ = 0;
  std::map<boost::asio::ip::address, size_t> per_address_;
};

/// A part of the bytes that bodies may take together; given back when it goes.
class byte_lease {
 public:
  byte_lease() = default;
  byte_lease(std::atomic<uint64_t>& used, uint64_t most) : used_(&used), most_(most) {}
  byte_lease(byte_lease&& other) noexcept;
  byte_lease& operator=(byte_lease&& other) noexcept;
  ~byte_lease() { release(); }

  /// Whether there was room for `bytes` in all.
  bool grow_to(uint64_t bytes);
  void release();

 private:
  std::atomic<uint64_t>* used_ = nullptr;
  uint64_t most_ = 0;
  uint64_t held_ = 0;
};

struct server_context {
  server_context(http_server_config with, http_handler& h, const clock& t, random_source& r, logger& l,
                 gateway_metrics& m)
      : config(std::move(with)),
        handler(h),
        time(t),
        random(r),
        log(l),
        metrics(m),
        counts(config.limits.connections_max, config.limits.connections_per_address_max) {}

  reader_limits limits_of_reader() const {
    return {.header_bytes_max = config.limits.header_bytes_max,
            .fields_max = config.fields_max,
            .body_bytes_max = config.limits.body_bytes_max};
  }

  const http_server_config config;
  http_handler& handler;
  const clock& time;
  random_source& random;
  logger& log;
  gateway_metrics& metrics;

  connection_counts counts;
  std::atomic<uint64_t> bodies_bytes = 0;
  std::atomic<bool> draining = false;
  boost::asio::thread_pool worker{1};
};

}  // namespace troupe
