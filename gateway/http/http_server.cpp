#include "gateway/http/http_server.hpp"

#include <sys/socket.h>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <vector>

#include "gateway/http/lane.hpp"
#include "gateway/http/server_context.hpp"

namespace troupe {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

using tcp_acceptor = asio::basic_socket_acceptor<tcp, asio::io_context::executor_type>;

std::string text_of(const tcp::endpoint& endpoint) {
  std::string address = endpoint.address().to_string();
  if (endpoint.address().is_v6()) address = "[" + address + "]";
  return address + ":" + std::to_string(endpoint.port());
}

class server final : public http_server {
 public:
  server(http_server_config config, http_handler& handler, const clock& time, random_source& random, logger& log,
         gateway_metrics& metrics)
      : context_(std::move(config), handler, time, random, log, metrics) {
    size_t threads = std::max<size_t>(context_.config.limits.threads, 1);
    for (size_t i = 0; i < threads; ++i) lanes_.push_back(std::make_unique<lane>(context_, [this] { note_emptied(); }));
    acceptor_.emplace(lanes_[0]->io());
    retry_.emplace(lanes_[0]->io());
  }

  ~server() override {
    asio::post(lanes_[0]->io(), [this] { stop_accepting(); });
    for (auto& each : lanes_) asio::post(each->io(), [lane = each.get()] { lane->stop(); });
    // What the worker has begun it ends; its exchange swallows the answer.
    context_.worker.stop();
    context_.worker.join();
    for (auto& each : lanes_) each->join();
  }

  result<void> open() {
    const auto& config = context_.config;
    TROUPE_TRY(config.listening_fd >= 0 ? adopt(config.listening_fd) : bind(config.address, config.port));
    error_code ec;
    endpoint_ = acceptor_->local_endpoint(ec);
    if (ec) return error{errc::io_failed, "the listening socket has no address: " + ec.message()};
    return {};
  }

  void run() {
    accept();
    for (auto& each : lanes_) each->run();
  }

  uint16_t port() const override { return endpoint_.port(); }
  std::string address() const override { return text_of(endpoint_); }

  void drain(duration deadline, std::function<void(size_t)> done) override {
    instant at = context_.time.now() + deadline;
    asio::post(lanes_[0]->io(), [this, at, done = std::move(done)]() mutable {
      if (context_.draining.exchange(true)) return;
      drained_ = std::move(done);
      stop_accepting();
      for (auto& each : lanes_) {
        asio::post(each->io(), [this, lane = each.get(), at] { lane->drain(at, [this](size_t cut) { cut_ += cut; }); });
      }
    });
  }

 private:
  result<void> bind(const std::string& address, uint16_t port) {
    error_code ec;
    auto parsed = asio::ip::make_address(address, ec);
    if (ec) return error{errc::invalid_argument, "\"" + address + "\" is not an IP address to listen on"};
    tcp::endpoint endpoint(parsed, port);
    acceptor_->open(endpoint.protocol(), ec);
    if (!ec) acceptor_->set_option(asio::socket_base::reuse_address(true), ec);
    if (!ec) acceptor_->bind(endpoint, ec);
    if (!ec) acceptor_->listen(asio::socket_base::max_listen_connections, ec);
    if (ec) return error{errc::io_failed, "cannot listen on " + text_of(endpoint) + ": " + ec.message()};
    return {};
  }

  result<void> adopt(int fd) {
    int listening = 0;
    socklen_t size = sizeof listening;
    sockaddr_storage local{};
    socklen_t local_size = sizeof local;
    bool usable = getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &size) == 0 && listening != 0 &&
                  getsockname(fd, reinterpret_cast<sockaddr*>(&local), &local_size) == 0 &&
                  (local.ss_family == AF_INET || local.ss_family == AF_INET6);
    if (!usable)
      return error{errc::invalid_argument, "descriptor " + std::to_string(fd) + " is no listening TCP socket"};
    error_code ec;
    acceptor_->assign(local.ss_family == AF_INET ? tcp::v4() : tcp::v6(), fd, ec);
    if (ec) return error{errc::io_failed, "descriptor " + std::to_string(fd) + " cannot be used: " + ec.message()};
    return {};
  }

  // On lane 0's thread from here on, but for note_emptied().

  void accept() {
    auto& home = *lanes_[next_lane_];
    next_lane_ = (next_lane_ + 1) % lanes_.size();
    acceptor_->async_accept(home.io(), [this, &home](const error_code& ec, tcp_socket socket) {
      if (!acceptor_->is_open()) return;
      if (ec) return accept_later(ec);
      take(home, std::move(socket));
      accept();
    });
  }

  // Out of descriptors or memory: what waits in the kernel's queue stays there meanwhile.
  void accept_later(const error_code& why) {
    context_.log.warn("gateway.accept_failed", {{"reason", why.message()}});
    retry_->expires_after(std::chrono::milliseconds(100));
    retry_->async_wait([this](const error_code& ec) {
      if (!ec && acceptor_->is_open()) accept();
    });
  }

  void take(lane& home, tcp_socket socket) {
    error_code ec;
    auto remote = socket.remote_endpoint(ec);
    if (ec) return;  // It is gone already.
    auto place = context_.counts.add(remote.address());
    if (const char* limit = refused_by(place)) context_.metrics.connection_refused(limit);
    if (place == connection_place::none) return;
    asio::post(home.io(), [&home, place, socket = std::move(socket), address = remote.address()]() mutable {
      home.add(std::move(socket), address, place);
    });
  }

  void stop_accepting() {
    error_code ignored;
    acceptor_->close(ignored);
    retry_->cancel();
    accepting_ = false;
    note_emptied();
  }

  // Any lane's thread: the last connection of that lane is gone.
  void note_emptied() {
    if (!context_.draining || accepting_ || context_.counts.served() > 0) return;
    if (done_.exchange(true)) return;
    drained_(cut_);
  }

  server_context context_;
  std::vector<std::unique_ptr<lane>> lanes_;
  std::optional<tcp_acceptor> acceptor_;
  std::optional<asio::steady_timer> retry_;
  tcp::endpoint endpoint_;
  size_t next_lane_ = 0;
  std::atomic<bool> accepting_ = true;
  std::atomic<bool> done_ = false;
  std::atomic<size_t> cut_ = 0;
  std::function<void(size_t)> drained_;  // Written before accepting_ becomes false, read after.
};

}  // namespace

result<std::unique_ptr<http_server>> http_server::start(http_server_config config, http_handler& handler,
                                                        const clock& time, random_source& random, logger& log,
                                                        gateway_metrics& metrics) {
  auto made = std::make_unique<server>(std::move(config), handler, time, random, log, metrics);
  TROUPE_TRY(made->open());
  made->run();
  return std::unique_ptr<http_server>(std::move(made));
}

}  // namespace troupe
