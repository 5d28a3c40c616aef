#include "actors/outside/transport/asio_transport.hpp"

#include <pthread.h>
#include <signal.h>

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <list>
#include <map>
#include <mutex>
#include <set>
#include <system_error>
#include <thread>
#include <utility>

#include "actors/outside/descriptors/listening_socket.hpp"
#include "actors/outside/transport/dial_schedule.hpp"
#include "actors/outside/transport/greeting.hpp"
#include "actors/outside/transport/refusal_log.hpp"
#include "actors/outside/transport/transport_link.hpp"

namespace troupe {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;
using tcp = asio::ip::tcp;

/// How long stop() waits for goodbyes; a link's own limit is shorter.
constexpr std::chrono::milliseconds stop_timeout{500};
/// After accept() failed, usually for want of descriptors.
constexpr std::chrono::milliseconds accept_delay{100};

class no_metrics final : public transport_metrics {
  void link_up() override {}
  void link_down(std::string_view) override {}
  void peer_refused(std::string_view) override {}
};

/// Starts a thread that receives no signals: they belong to main's.
std::thread start_thread(std::function<void()> run) {
  sigset_t all, before;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  std::thread thread(std::move(run));
  ::pthread_setname_np(thread.native_handle(), "transport");
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return thread;
}

}  // namespace

/// All but start(), stop(), send() and disconnect() runs on the one thread.
class asio_transport::implementation final : public transport_link::owner {
 public:
  implementation(asio_transport_config config, random_source& random, logger& log, transport_metrics* metrics)
      : config_(std::move(config)),
        random_(random),
        log_(log),
        metrics_(metrics != nullptr ? *metrics : none_),
        refusals_(log),
        acceptor_(io_),
        accept_timer_(io_),
        stop_timer_(io_) {}
  ~implementation() override { stop(); }

  result<void> start(transport_listener& listener);
  void stop();
  uint16_t port() const { return port_; }
  result<void> send(const node_name& to, frame_bytes frame);
  void disconnect(const node_name& node, std::string_view why);

 private:
  using link_ptr = std::shared_ptr<transport_link>;

  /// What is known of one configured peer.
  struct dial {
    transport_peer peer;
    dial_schedule schedule;
    asio::steady_timer timer;
    std::shared_ptr<greeting> attempt;
    size_t attempts = 0;
    /// Logged once, until it changes.
    std::string last_failure;
  };

  result<void> listen();
  void begin_stop();

  void accept();
  void on_accept(const error_code& failed, tcp::socket socket);
  link_refusal judge(const link_hello& hello);
  void start_dial(dial& of);
  void schedule_dial(dial& of);
  void adopt(greeted from, const std::string& address);

  link_ptr find(std::string_view node);
  greeting_config greeting_of_self() const;

  void on_link_frame(transport_link& link, frame_bytes frame, frame_credit credit) override;
  void on_link_ended(const link_ptr& link, std::string_view reason, const error& why) override;
  void on_link_closed(const link_ptr& link) override;

  no_metrics none_;
  asio_transport_config config_;
  random_source& random_;
  logger& log_;
  transport_metrics& metrics_;
  refusal_log refusals_;
  transport_listener* listener_ = nullptr;
  std::shared_ptr<tls_context> tls_;
  uint16_t port_ = 0;

  /// Before everything that lives in it.
  asio::io_context io_{1};
  tcp::acceptor acceptor_;
  asio::steady_timer accept_timer_;
  asio::steady_timer stop_timer_;
  bool stopping_ = false;
  std::map<node_name, dial, std::less<>> dials_;
  /// Accepted and not yet known, the oldest first.
  std::list<std::shared_ptr<greeting>> greetings_;
  /// Ended, still saying goodbye.
  std::set<link_ptr> closing_;
  std::thread thread_;

  std::mutex links_mutex_;
  std::map<node_name, link_ptr, std::less<>> links_;
};

result<void> asio_transport::implementation::start(transport_listener& listener) {
  TROUPE_CHECK(listener_ == nullptr);
  TROUPE_TRY(validate(config_));
  TROUPE_ASSIGN(tls_, make_tls_context(config_.certificates));
  if (tls_->self != certificate_identity{config_.cluster, config_.self.role, config_.self.node}) {
    return {errc::invalid_argument, config_.certificates.certificate.string() + ": is for " + tls_->self.cluster + "/" +
                                        tls_->self.role + "/" + tls_->self.node + ", this node is " + config_.cluster +
                                        "/" + config_.self.role + "/" + config_.self.node};
  }
  TROUPE_TRY(listen());
  listener_ = &listener;
  for (const auto& peer : config_.peers) {
    auto& made =
        dials_
            .try_emplace(
                peer.node,
                dial{peer, {config_.dial_delay_min, config_.dial_delay_max}, asio::steady_timer(io_), {}, 0, {}})
            .first->second;
    asio::post(io_, [this, &made] { start_dial(made); });
  }
  if (acceptor_.is_open()) asio::post(io_, [this] { accept(); });
  try {
    thread_ = start_thread([this] {
      auto work = asio::make_work_guard(io_);
      io_.run();
    });
  } catch (const std::system_error& e) {
    return {errc::io_failed, std::string("cannot start the transport's thread: ") + e.what()};
  }
  return {};
}

result<void> asio_transport::implementation::listen() {
  if (!config_.listen_fd && config_.listen) {
    TROUPE_ASSIGN(config_.listen_fd, open_listener(config_.listen->host, config_.listen->port));
  }
  if (!config_.listen_fd) return {};
  int fd = config_.listen_fd.get();
  TROUPE_ASSIGN(port_, local_port(fd));
  sockaddr_storage address{};
  socklen_t length = sizeof address;
  ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length);
  error_code failed;
  acceptor_.assign(address.ss_family == AF_INET6 ? tcp::v6() : tcp::v4(), fd, failed);
  if (failed)
    return {errc::io_failed, "descriptor " + std::to_string(fd) + " cannot be listened on: " + failed.message()};
  config_.listen_fd.release();
  return {};
}

void asio_transport::implementation::stop() {
  if (!thread_.joinable()) return;
  TROUPE_CHECK(thread_.get_id() != std::this_thread::get_id());
  asio::post(io_, [this] { begin_stop(); });
  thread_.join();
}

void asio_transport::implementation::begin_stop() {
  stopping_ = true;
  error_code ignored;
  acceptor_.close(ignored);
  accept_timer_.cancel();
  for (auto& [node, of] : dials_) {
    of.timer.cancel();
    if (auto attempt = std::exchange(of.attempt, {})) attempt->cancel();
  }
  for (const auto& pending : greetings_) pending->cancel();
  greetings_.clear();
  std::vector<link_ptr> ending;
  {
    std::lock_guard lock(links_mutex_);
    for (const auto& [node, link] : links_) ending.push_back(link);
  }
  for (const auto& link : ending) {
    link->end("stopped", {errc::draining, "node " + config_.self.node + " is stopping"}, outbox::rest::send);
  }
  stop_timer_.expires_after(stop_timeout);
  stop_timer_.async_wait([this](const error_code&) { io_.stop(); });
  if (closing_.empty()) io_.stop();
}

result<void> asio_transport::implementation::send(const node_name& to, frame_bytes frame) {
  TROUPE_CHECK(frame != nullptr);
  auto link = find(to);
  if (!link) return {errc::unavailable, "no link to node " + to};
  return link->send(std::move(frame));
}

void asio_transport::implementation::disconnect(const node_name& node, std::string_view why) {
  // The link of now: one that is made meanwhile is not meant.
  if (auto link = find(node)) {
    asio::post(io_, [link = std::move(link), text = std::string(why)] {
      link->end("disconnected", {errc::unavailable, "disconnected: " + text});
    });
  }
}

asio_transport::implementation::link_ptr asio_transport::implementation::find(std::string_view node) {
  std::lock_guard lock(links_mutex_);
  auto at = links_.find(node);
  return at != links_.end() ? at->second : nullptr;
}

greeting_config asio_transport::implementation::greeting_of_self() const {
  return {.tls = tls_,
          .self = {.incarnation = config_.self.incarnation,
                   .window_frames = config_.window_frames,
                   .window_bytes = static_cast<uint32_t>(config_.window_bytes),
                   .frame_bytes_max = static_cast<uint32_t>(config_.frame_bytes_max),
                   .node = config_.self.node,
                   .role = config_.self.role,
                   .cluster = config_.cluster},
          .roles = config_.roles,
          .timeout = config_.handshake_timeout};
}

void asio_transport::implementation::accept() {
  acceptor_.async_accept(
      [this](const error_code& failed, tcp::socket socket) { on_accept(failed, std::move(socket)); });
}

void asio_transport::implementation::on_accept(const error_code& failed, tcp::socket socket) {
  if (stopping_) return;
  if (failed) {
    log_.warn("transport.accept_failed", {{"why", failed.message()}});
    accept_timer_.expires_after(accept_delay);
    accept_timer_.async_wait([this](const error_code& cancelled) {
      if (!cancelled && !stopping_) accept();
    });
    return;
  }
  if (greetings_.size() >= config_.handshakes_max) {
    // The oldest: an honest peer takes milliseconds, so it is the ones that say nothing that make way.
    metrics_.peer_refused("displaced");
    refusals_.write(greetings_.front()->address(), "displaced", "too many connections that are not authenticated");
    greetings_.front()->cancel();
    greetings_.pop_front();
  }
  auto at = greetings_.insert(greetings_.end(), nullptr);
  *at = std::make_shared<greeting>(
      io_, greeting_of_self(),
      greeting::callbacks{.judge = [this](const link_hello& hello) { return judge(hello); },
                          .done =
                              [this, at](greeted from) {
                                auto done = std::move(*at);
                                greetings_.erase(at);
                                adopt(std::move(from), done->address());
                              },
                          .failed =
                              [this, at](const greeting_failure& failure) {
                                auto done = std::move(*at);
                                greetings_.erase(at);
                                metrics_.peer_refused(failure.reason);
                                refusals_.write(done->address(), failure.reason, failure.why.message());
                              }});
  (*at)->accept(std::move(socket));
  accept();
}

link_refusal asio_transport::implementation::judge(const link_hello& hello) {
  if (stopping_) return link_refusal::stopping;
  auto present = find(hello.node);
  std::optional<link_facts> facts;
  if (present) facts = present->facts();
  auto refusal = choose_link(config_.self.node, hello.node, facts, {hello.incarnation, false});
  if (refusal != link_refusal::none) return refusal;
  std::lock_guard lock(links_mutex_);
  return !present && links_.size() >= config_.links_max ? link_refusal::limit : link_refusal::none;
}

void asio_transport::implementation::start_dial(dial& of) {
  if (stopping_ || of.attempt || find(of.peer.node)) return;
  of.attempt = std::make_shared<greeting>(io_, greeting_of_self(),
                                          greeting::callbacks{.judge = {},
                                                              .done =
                                                                  [this, &of](greeted from) {
                                                                    auto attempt = std::exchange(of.attempt, {});
                                                                    of.last_failure.clear();
                                                                    adopt(std::move(from), attempt->address());
                                                                    if (!find(of.peer.node)) schedule_dial(of);
                                                                  },
                                                              .failed =
                                                                  [this, &of](const greeting_failure& failure) {
                                                                    auto attempt = std::exchange(of.attempt, {});
                                                                    metrics_.peer_refused(failure.reason);
                                                                    auto why = failure.why.message();
                                                                    if (why != of.last_failure) {
                                                                      log_.info("transport.dial_failed",
                                                                                {{"peer", of.peer.node},
                                                                                 {"address", attempt->address()},
                                                                                 {"reason", failure.reason},
                                                                                 {"why", why}});
                                                                      of.last_failure = why;
                                                                    }
                                                                    schedule_dial(of);
                                                                  }});
  of.attempt->dial(of.peer.node, of.peer.host, of.peer.port, of.attempts++);
}

void asio_transport::implementation::schedule_dial(dial& of) {
  if (stopping_) return;
  of.timer.expires_after(of.schedule.wait(random_.next()));
  of.timer.async_wait([this, &of](const error_code& cancelled) {
    if (!cancelled) start_dial(of);
  });
}

void asio_transport::implementation::adopt(greeted from, const std::string& address) {
  const auto& node = from.hello.node;
  auto present = find(node);
  std::optional<link_facts> facts;
  if (present) facts = present->facts();
  auto refusal = choose_link(config_.self.node, node, facts, {from.hello.incarnation, from.dialled});
  if (refusal != link_refusal::none) {
    metrics_.peer_refused(name(refusal));
    refusals_.write(address, name(refusal), "another link to node " + node + " is kept");
    return;
  }
  if (present) present->end("replaced", {errc::unavailable, "another connection of node " + node + " takes its place"});
  auto link = std::make_shared<transport_link>(
      io_, std::move(from),
      transport_link_config{.frame_bytes_max = config_.frame_bytes_max,
                            .window = {config_.window_frames, static_cast<uint32_t>(config_.window_bytes)},
                            .queue_frames_max = config_.queue_frames_max,
                            .queue_bytes_max = config_.queue_bytes_max,
                            .ping_interval = config_.ping_interval,
                            .pings_missed_max = config_.pings_missed_max},
      *this);
  link->start();
  {
    std::lock_guard lock(links_mutex_);
    links_[link->peer().node] = link;
  }
  metrics_.link_up();
  log_.info("transport.link_up", {{"peer", link->peer().node},
                                  {"role", link->peer().role},
                                  {"incarnation", link->peer().incarnation},
                                  {"address", address}});
  listener_->on_up(link->peer());
}

void asio_transport::implementation::on_link_frame(transport_link& link, frame_bytes frame, frame_credit credit) {
  listener_->on_frame(link.peer(), std::move(frame), std::move(credit));
}

void asio_transport::implementation::on_link_ended(const link_ptr& link, std::string_view reason, const error& why) {
  const auto& peer = link->peer();
  {
    std::lock_guard lock(links_mutex_);
    links_.erase(peer.node);
  }
  closing_.insert(link);
  metrics_.link_down(reason);
  log_.info("transport.link_down",
            {{"peer", peer.node}, {"incarnation", peer.incarnation}, {"reason", reason}, {"why", why.message()}});
  listener_->on_down(peer, why);
  auto at = dials_.find(peer.node);
  if (at == dials_.end()) return;
  auto lasted = std::chrono::steady_clock::now() - link->since();
  if (lasted >= config_.dial_delay_max) at->second.schedule.reset();
  schedule_dial(at->second);
}

void asio_transport::implementation::on_link_closed(const link_ptr& link) {
  closing_.erase(link);
  if (stopping_ && closing_.empty()) io_.stop();
}

asio_transport::asio_transport(asio_transport_config config, random_source& random, logger& log,
                               transport_metrics* metrics)
    : implementation_(std::make_unique<implementation>(std::move(config), random, log, metrics)) {}
asio_transport::~asio_transport() = default;

result<void> asio_transport::start(transport_listener& listener) { return implementation_->start(listener); }
void asio_transport::stop() { implementation_->stop(); }
uint16_t asio_transport::port() const { return implementation_->port(); }
result<void> asio_transport::send(const node_name& to, frame_bytes frame) {
  return implementation_->send(to, std::move(frame));
}
void asio_transport::disconnect(const node_name& node, std::string_view why) { implementation_->disconnect(node, why); }

}  // namespace troupe
