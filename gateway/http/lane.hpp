// One I/O thread of the server with the connections that live on it. Everything of a lane happens on its thread, but
// for post() and what says otherwise.
#pragma once

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <unordered_map>

#include "gateway/http/server_context.hpp"

namespace troupe {

class connection;

/// Without the type-erased executor that Asio's default sockets carry.
using tcp_socket = boost::asio::basic_stream_socket<boost::asio::ip::tcp, boost::asio::io_context::executor_type>;

class lane {
 public:
  /// `emptied` is called when the last connection has gone.
  lane(server_context& context, std::function<void()> emptied);
  ~lane();

  boost::asio::io_context& io() { return io_; }
  void run();  // Any thread: starts the lane's.
  void join();

  /// Takes a socket that was counted already.
  void add(tcp_socket socket, const boost::asio::ip::address& address, connection_place place);
  /// By the connection itself, when it is done.
  void remove(connection& gone);
  /// Closes idle connections; at `deadline` those that are left are cut, and `cut` is told how many.
  void drain(instant deadline, std::function<void(size_t)> cut);
  /// Cuts everything and lets the thread end.
  void stop();
  bool is_empty() const { return connections_.empty(); }

  /// For the Date field; made anew each second.
  const std::string& date();

 private:
  void schedule_sweep();
  void sweep();
  void cut_all();

  server_context& context_;
  const std::function<void()> emptied_;
  boost::asio::io_context io_{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> guard_;
  boost::asio::steady_timer sweep_timer_;
  std::chrono::milliseconds sweep_interval_;
  std::unordered_map<connection*, std::shared_ptr<connection>> connections_;
  std::optional<instant> cut_at_;
  std::function<void(size_t)> cut_;
  bool stopped_ = false;
  std::string date_;
  std::chrono::sys_seconds date_time_{};
  std::thread thread_;
};

}  // namespace troupe
