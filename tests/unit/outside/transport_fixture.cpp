#include "tests/unit/outside/transport_fixture.hpp"

#include <openssl/ssl.h>

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#include <boost/test/unit_test.hpp>

namespace troupe::test {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;

random_source& random_of_tests() {
  static system_random source;
  return source;
}

}  // namespace

frame_bytes frame_of(std::string_view text) {
  auto bytes = std::as_bytes(std::span(text));
  return std::make_shared<const std::vector<std::byte>>(bytes.begin(), bytes.end());
}

std::string text_of(const frame_bytes& frame) { return {reinterpret_cast<const char*>(frame->data()), frame->size()}; }

void recording_listener::on_up(const peer_identity& peer) {
  std::lock_guard lock(mutex_);
  events_.push_back({event::kind::up, peer, {}});
  changed_.notify_all();
}

void recording_listener::on_frame(const peer_identity& peer, frame_bytes frame, frame_credit credit) {
  if (on_each) on_each(peer, frame);
  std::lock_guard lock(mutex_);
  events_.push_back({event::kind::frame, peer, text_of(frame)});
  if (hold_) held_.push_back(std::move(credit));
  changed_.notify_all();
}

void recording_listener::on_down(const peer_identity& peer, const error& why) {
  std::lock_guard lock(mutex_);
  events_.push_back({event::kind::down, peer, why.message()});
  changed_.notify_all();
}

bool recording_listener::wait(const std::function<bool(const std::vector<event>&)>& reached) {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, patience, [&] { return reached(events_); });
}

bool recording_listener::wait_up(const node_name& node, uint64_t incarnation) {
  return wait([&](const std::vector<event>& events) {
    return std::any_of(events.begin(), events.end(), [&](const event& e) {
      return e.what == event::kind::up && e.peer.node == node &&
             (incarnation == 0 || e.peer.incarnation == incarnation);
    });
  });
}

bool recording_listener::wait_down(const node_name& node, size_t times) {
  return wait([&](const std::vector<event>& events) {
    auto down = [&](const event& e) { return e.what == event::kind::down && e.peer.node == node; };
    return static_cast<size_t>(std::count_if(events.begin(), events.end(), down)) >= times;
  });
}

bool recording_listener::wait_frames(size_t count) {
  return wait([&](const std::vector<event>& events) {
    auto is_frame = [](const event& e) { return e.what == event::kind::frame; };
    return static_cast<size_t>(std::count_if(events.begin(), events.end(), is_frame)) >= count;
  });
}

std::vector<recording_listener::event> recording_listener::events() {
  std::lock_guard lock(mutex_);
  return events_;
}

std::vector<std::string> recording_listener::frames() {
  std::vector<std::string> texts;
  for (auto& e : events()) {
    if (e.what == event::kind::frame) texts.push_back(std::move(e.text));
  }
  return texts;
}

void recording_listener::hold_credits(bool hold) {
  std::lock_guard lock(mutex_);
  hold_ = hold;
}

void recording_listener::release() {
  std::vector<frame_credit> held;
  std::lock_guard lock(mutex_);
  held.swap(held_);
}

void counting_metrics::add(const std::string& what) {
  std::lock_guard lock(mutex_);
  ++counts_[what];
  changed_.notify_all();
}

bool counting_metrics::wait(const std::string& what, size_t times) {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, patience, [&] { return counts_[what] >= times; });
}

size_t counting_metrics::count(const std::string& what) {
  std::lock_guard lock(mutex_);
  return counts_[what];
}

test_cluster::test_cluster(std::string name, std::chrono::days age)
    : name_(std::move(name)),
      made_at_(std::chrono::time_point_cast<std::chrono::milliseconds>(std::chrono::system_clock::now()) - age) {
  BOOST_REQUIRE(make_authority(folder_.path(), name_, made_at_));
}

certificate_files test_cluster::certificates(const std::string& node, const std::string& role) {
  BOOST_REQUIRE(make_node_certificate(folder_.path(), name_, role, node, made_at_));
  return certificate_files_of(folder_.path(), node);
}

test_cluster& blue_cluster() {
  static test_cluster cluster("blue");
  return cluster;
}

test_node::test_node(test_cluster& cluster, const std::string& node, uint64_t incarnation) : name(node) {
  config.cluster = cluster.name();
  config.self = {name, incarnation, "node"};
  config.certificates = cluster.certificates(name);
  config.roles = {"node"};
  config.listen = transport_address{"127.0.0.1", 0};
  config.dial_delay_min = std::chrono::milliseconds(5);
  config.dial_delay_max = std::chrono::milliseconds(50);
  // Sanitizers and busy machines: only tests of silence shorten these.
  config.ping_interval = std::chrono::seconds(5);
  config.handshake_timeout = std::chrono::seconds(30);
}

test_node::~test_node() { stop(); }

test_node& test_node::dials(const test_node& peer) {
  config.peers.push_back({peer.name, "127.0.0.1", peer.transport->port()});
  return *this;
}

void test_node::start() {
  transport = std::make_unique<asio_transport>(std::move(config), random_of_tests(), null_logger(), &metrics);
  auto started = transport->start(listener);
  if (!started) BOOST_FAIL(started.err().message());
}

void test_node::stop() {
  if (transport) transport->stop();
}

result<void> test_node::send(const test_node& to, std::string_view text) {
  return transport->send(to.name, frame_of(text));
}

raw_peer::raw_peer(uint16_t port)
    : io_(std::make_unique<asio::io_context>()),
      context_(std::make_unique<asio::ssl::context>(asio::ssl::context::tls)) {
  stream_ = std::make_unique<stream>(*io_, *context_);
  error_code failed;
  socket().connect({asio::ip::make_address("127.0.0.1"), port}, failed);
  BOOST_REQUIRE_MESSAGE(!failed, failed.message());
}

bool raw_peer::handshake(const certificate_files* certificates, bool tls_1_2) {
  if (tls_1_2) SSL_CTX_set_max_proto_version(context_->native_handle(), TLS1_2_VERSION);
  error_code failed;
  if (certificates != nullptr) {
    context_->use_certificate_chain_file(certificates->certificate.string(), failed);
    BOOST_REQUIRE(!failed);
    context_->use_private_key_file(certificates->key.string(), asio::ssl::context::pem, failed);
    BOOST_REQUIRE(!failed);
  }
  // A stream takes what its context has when it is made.
  auto connected = std::move(socket());
  stream_ = std::make_unique<stream>(std::move(connected), *context_);
  stream_->handshake(stream::client, failed);
  return !failed;
}

bool raw_peer::write(std::span<const std::byte> bytes) {
  error_code failed;
  asio::write(*stream_, asio::buffer(bytes.data(), bytes.size()), failed);
  return !failed;
}

bool raw_peer::write(std::string_view text) { return write(std::as_bytes(std::span(text))); }

bool raw_peer::read(std::span<std::byte> into) {
  error_code failed;
  asio::read(*stream_, asio::buffer(into.data(), into.size()), failed);
  return !failed;
}

result<link_hello> raw_peer::greet(const link_hello& hello) {
  std::array<std::byte, hello_head_bytes> head{};
  if (!write(encode_hello(hello)) || !read(head)) return {errc::unavailable, "closed"};
  TROUPE_ASSIGN(auto length, parse_hello_head(head));
  std::vector<std::byte> body(length);
  if (!read(body)) return {errc::unavailable, "closed"};
  return parse_hello_body(head, body);
}

bool raw_peer::wait_closed() {
  error_code failed;
  std::array<std::byte, 4096> ignored{};
  while (!failed) socket().read_some(asio::buffer(ignored), failed);
  return true;
}

link_hello hello_of(const std::string& node, const std::string& role, uint64_t incarnation) {
  return {.incarnation = incarnation,
          .window_frames = 16,
          .window_bytes = 1 << 20,
          .frame_bytes_max = 1 << 16,
          .refusal = link_refusal::none,
          .node = node,
          .role = role,
          .cluster = "blue"};
}

}  // namespace troupe::test
