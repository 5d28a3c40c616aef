#include "actors/outside/transport/greeting.hpp"

#include <fcntl.h>

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/asio/connect.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#include <sstream>
#include <utility>

namespace troupe {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;
using tcp = asio::ip::tcp;

std::string text_of(const tcp::endpoint& endpoint) {
  std::ostringstream out;
  out << endpoint;
  return out.str();
}

void prepare(tcp::socket& socket) {
  error_code ignored;
  socket.set_option(tcp::no_delay(true), ignored);
  // Asio leaves its sockets inheritable.
  ::fcntl(socket.native_handle(), F_SETFD, FD_CLOEXEC);
}

}  // namespace

greeting::greeting(asio::io_context& io, greeting_config config, callbacks call)
    : io_(io), config_(std::move(config)), call_(std::move(call)), resolver_(io), timer_(io) {}

void greeting::accept(socket accepted) {
  error_code failed;
  auto endpoint = accepted.remote_endpoint(failed);
  if (!failed) address_ = text_of(endpoint);
  prepare(accepted);
  stream_ = std::make_unique<tls_stream>(std::move(accepted), config_.tls->context);
  start_timer();
  handshake();
}

void greeting::dial(const std::string& node, const std::string& host, uint16_t port, size_t turn) {
  wanted_ = node;
  address_ = host + ":" + std::to_string(port);
  start_timer();
  error_code not_an_address;
  if (auto address = asio::ip::make_address(host, not_an_address); !not_an_address) {
    connect({tcp::endpoint(address, port)});
    return;
  }
  resolver_.async_resolve(
      host, std::to_string(port), tcp::resolver::numeric_service,
      [self = shared_from_this(), turn](const error_code& failed, const tcp::resolver::results_type& found) {
        if (self->over_) return;
        if (failed) return self->fail_io("looking up the name", failed);
        endpoints to(found.begin(), found.end());
        // An address that swallows everything takes the whole deadline: the next dial begins elsewhere.
        std::rotate(to.begin(), to.begin() + static_cast<std::ptrdiff_t>(turn % to.size()), to.end());
        self->connect(to);
      });
}

void greeting::cancel() {
  over_ = true;
  timer_.cancel();
  resolver_.cancel();
  error_code ignored;
  if (stream_) stream_->next_layer().close(ignored);
  call_ = {};
}

bool greeting::role_allowed() const {
  return std::find(config_.roles.begin(), config_.roles.end(), identity_.role) != config_.roles.end();
}

void greeting::start_timer() {
  timer_.expires_after(config_.timeout);
  timer_.async_wait([self = shared_from_this()](const error_code& cancelled) {
    if (cancelled || self->over_) return;
    self->fail("timeout", {errc::unavailable, "connecting and greeting took too long"});
  });
}

void greeting::connect(const endpoints& to) {
  stream_ = std::make_unique<tls_stream>(tcp::socket(io_), config_.tls->context);
  asio::async_connect(stream_->next_layer(), to,
                      [self = shared_from_this()](const error_code& failed, const tcp::endpoint&) {
                        if (self->over_) return;
                        if (failed) return self->fail_io("connecting", failed);
                        prepare(self->stream_->next_layer());
                        self->handshake();
                      });
}

void greeting::handshake() {
  stream_->async_handshake(wanted_ ? tls_stream::client : tls_stream::server,
                           [self = shared_from_this()](const error_code& failed) {
                             if (!self->over_) self->on_handshake(failed);
                           });
}

void greeting::on_handshake(const error_code& failed) {
  if (failed) return fail("tls", {errc::unavailable, "TLS: " + tls_failure(*stream_, failed)});
  auto identity = peer_identity_of(*stream_);
  if (!identity) return fail("name", identity.err());
  identity_ = *std::move(identity);
  if (identity_.cluster != config_.self.cluster) {
    return fail("cluster", {errc::invalid_argument, "a node of cluster \"" + identity_.cluster + "\""});
  }
  if (!wanted_) {
    receive_hello([this] { judge_and_answer(); });
    return;
  }
  if (identity_.node != *wanted_) {
    return fail("name", {errc::invalid_argument, "the certificate there is node \"" + identity_.node + "\"'s"});
  }
  if (!role_allowed()) return fail("role", {errc::invalid_argument, "a node of role \"" + identity_.role + "\""});
  send_hello(link_refusal::none, [this] { receive_hello([this] { take_answer(); }); });
}

void greeting::send_hello(link_refusal refusal, std::function<void()> then) {
  auto hello = config_.self;
  hello.refusal = refusal;
  out_ = encode_hello(hello);
  asio::async_write(*stream_, asio::buffer(out_),
                    [self = shared_from_this(), then = std::move(then)](const error_code& failed, size_t) {
                      if (self->over_) return;
                      if (failed) return self->fail_io("greeting", failed);
                      then();
                    });
}

void greeting::receive_hello(std::function<void()> then) {
  asio::async_read(*stream_, asio::buffer(head_),
                   [self = shared_from_this(), then = std::move(then)](const error_code& failed, size_t) mutable {
                     if (self->over_) return;
                     if (failed) return self->fail_io("waiting for the greeting", failed);
                     auto length = parse_hello_head(self->head_);
                     if (!length) {
                       return self->fail(length.err().code == errc::not_supported ? "version" : "hello", length.err());
                     }
                     self->body_.resize(*length);
                     asio::async_read(*self->stream_, asio::buffer(self->body_),
                                      [self, then = std::move(then)](const error_code& cut, size_t) {
                                        if (self->over_) return;
                                        if (cut) return self->fail_io("waiting for the greeting", cut);
                                        self->on_hello(then);
                                      });
                   });
}

void greeting::on_hello(const std::function<void()>& then) {
  auto hello = parse_hello_body(head_, body_);
  if (!hello) return fail("hello", hello.err());
  theirs_ = *std::move(hello);
  if (certificate_identity{theirs_.cluster, theirs_.role, theirs_.node} != identity_) {
    return fail("name", {errc::invalid_argument,
                         "the greeting is another node's than the certificate of \"" + identity_.node + "\""});
  }
  then();
}

void greeting::judge_and_answer() {
  link_refusal refusal = role_allowed() ? call_.judge(theirs_) : link_refusal::role;
  send_hello(refusal, [this, refusal] {
    if (refusal == link_refusal::none) return finish();
    fail(name(refusal),
         {errc::unavailable, "refused node \"" + theirs_.node + "\" (" + std::string(name(refusal)) + ")"});
  });
}

void greeting::take_answer() {
  if (theirs_.refusal == link_refusal::none) return finish();
  fail(name(theirs_.refusal),
       {errc::unavailable, "refused by node \"" + theirs_.node + "\" (" + std::string(name(theirs_.refusal)) + ")"});
}

void greeting::finish() {
  over_ = true;
  timer_.cancel();
  auto call = std::exchange(call_, {});
  call.done({std::move(stream_), theirs_, wanted_.has_value()});
}

void greeting::fail(std::string_view reason, error why) {
  auto call = std::exchange(call_, {});
  cancel();
  call.failed({reason, std::move(why)});
}

void greeting::fail_io(const char* doing, const error_code& failed) {
  // In TLS 1.3 a dialler learns that its certificate was refused when it reads for the first time.
  bool by_tls = failed.category() == asio::error::get_ssl_category();
  fail(by_tls ? "tls" : "closed", {errc::unavailable, std::string(doing) + ": " + failed.message()});
}

}  // namespace troupe
