// One connection until it is a link: connect, TLS, certificate, hello. Everything before the peer is known happens
// here, under one deadline.
//
//   dialled:   connect ─▶ TLS ─▶ is the certificate the wanted node's? ─▶ send hello ─▶ receive hello ─▶ done
//   accepted:            TLS ─▶ certificate of our cluster? ─▶ receive hello ─▶ judge ─▶ send hello ─▶ done
//
// The acceptor judges before it answers, so a connection that will not be a link is refused with its reason and neither
// end ever takes it for one.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "actors/outside/transport/link_wire.hpp"
#include "actors/outside/transport/tls.hpp"
#include "base/result.hpp"

namespace troupe {

/// A connection whose ends know each other.
struct greeted {
  std::unique_ptr<tls_stream> stream;
  /// The peer's; agrees with its certificate.
  link_hello hello;
  bool dialled = false;
};

struct greeting_failure {
  /// As in transport_metrics::peer_refused.
  std::string_view reason;
  error why;
};

struct greeting_config {
  std::shared_ptr<tls_context> tls;
  link_hello self;
  /// Those of peers that may have a link.
  std::vector<std::string> roles;
  std::chrono::milliseconds timeout{};
};

class greeting : public std::enable_shared_from_this<greeting> {
 public:
  using socket = boost::asio::ip::tcp::socket;
  /// Exactly one of the two is called, once, unless cancel() comes first.
  struct callbacks {
    /// For an accepted connection of an allowed role: whether it may be a link.
    std::function<link_refusal(const link_hello&)> judge;
    std::function<void(greeted)> done;
    std::function<void(const greeting_failure&)> failed;
  };

  greeting(boost::asio::io_context& io, greeting_config config, callbacks call);

  void accept(socket accepted);
  /// `turn` says which of several addresses of the host goes first.
  void dial(const std::string& node, const std::string& host, uint16_t port, size_t turn);
  /// Closes the connection; no callback follows.
  void cancel();
  /// Of the other end, for logs; empty until connected.
  const std::string& address() const { return address_; }

 private:
  using endpoints = std::vector<boost::asio::ip::tcp::endpoint>;
  bool role_allowed() const;
  void start_timer();
  void connect(const endpoints& to);
  void handshake();
  void on_handshake(const boost::system::error_code& failed);
  void send_hello(link_refusal refusal, std::function<void()> then);
  void receive_hello(std::function<void()> then);
  void on_hello(const std::function<void()>& then);
  void judge_and_answer();
  void take_answer();
  void finish();
  void fail(std::string_view reason, error why);
  void fail_io(const char* doing, const boost::system::error_code& failed);

  boost::asio::io_context& io_;
  greeting_config config_;
  callbacks call_;
  std::unique_ptr<tls_stream> stream_;
  boost::asio::ip::tcp::resolver resolver_;
  boost::asio::steady_timer timer_;
  /// The node that was dialled; none for an accepted connection.
  std::optional<std::string> wanted_;
  std::string address_;
  certificate_identity identity_;
  std::vector<std::byte> out_;
  std::array<std::byte, hello_head_bytes> head_{};
  std::vector<std::byte> body_;
  link_hello theirs_;
  bool over_ = false;
};

}  // namespace troupe
