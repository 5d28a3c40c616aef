// What tests of the transport share: nodes with certificates on loopback, a listener that remembers what it was told,
// and a hand-driven TLS peer that can do what no transport of ours would.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "actors/outside/certificates/certificates.hpp"
#include "actors/outside/transport/asio_transport.hpp"
#include "actors/outside/transport/link_wire.hpp"
#include "tests/support/temporary_folder.hpp"

namespace troupe::test {

/// Far beyond what anything here takes: only a test that fails waits for it.
inline constexpr std::chrono::seconds patience{60};

frame_bytes frame_of(std::string_view text);
std::string text_of(const frame_bytes& frame);

class recording_listener final : public transport_listener {
 public:
  struct event {
    enum class kind { up, frame, down } what{};
    peer_identity peer;
    /// The frame, or why it is down.
    std::string text;
  };

  void on_up(const peer_identity& peer) override;
  void on_frame(const peer_identity& peer, frame_bytes frame, frame_credit credit) override;
  void on_down(const peer_identity& peer, const error& why) override;

  /// Waits until `reached` of the events holds; false when it does not within the test's patience.
  bool wait(const std::function<bool(const std::vector<event>&)>& reached);
  bool wait_up(const node_name& node, uint64_t incarnation = 0);
  bool wait_down(const node_name& node, size_t times = 1);
  bool wait_frames(size_t count);
  std::vector<event> events();
  std::vector<std::string> frames();

  /// From now on credits are kept until release(), or not any more.
  void hold_credits(bool hold);
  void release();
  /// Called for each frame, on the transport's thread. Set before start().
  std::function<void(const peer_identity&, const frame_bytes&)> on_each;

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<event> events_;
  bool hold_ = false;
  std::vector<frame_credit> held_;
};

class counting_metrics final : public transport_metrics {
 public:
  void link_up() override { add("up"); }
  void link_down(std::string_view reason) override { add("down " + std::string(reason)); }
  void peer_refused(std::string_view reason) override { add("refused " + std::string(reason)); }
  /// Waits until it was counted so often.
  bool wait(const std::string& what, size_t times = 1);
  size_t count(const std::string& what);

 private:
  void add(const std::string& what);
  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::string, size_t> counts_;
};

/// Certificates of one cluster in a folder of their own.
class test_cluster {
 public:
  explicit test_cluster(std::string name = "blue", std::chrono::days age = {});
  certificate_files certificates(const std::string& node, const std::string& role = "node");
  const std::string& name() const { return name_; }
  std::filesystem::path folder() const { return folder_.path(); }

 private:
  std::string name_;
  temporary_folder folder_;
  certificate_time made_at_;
};

/// The cluster "blue" that most tests use: made once, since each file of it waits for the disk.
test_cluster& blue_cluster();

/// A node on loopback; short delays, so that tests of them are short.
struct test_node {
  std::string name;
  asio_transport_config config;
  recording_listener listener;
  counting_metrics metrics;
  std::unique_ptr<asio_transport> transport;

  test_node(test_cluster& cluster, const std::string& node, uint64_t incarnation = 1);
  ~test_node();
  /// Before start(); the other one has started.
  test_node& dials(const test_node& peer);
  void start();
  void stop();
  result<void> send(const test_node& to, std::string_view text);
};

/// A connection made by hand. Errors are error codes, not exceptions.
class raw_peer {
 public:
  using stream = boost::asio::ssl::stream<boost::asio::ip::tcp::socket>;
  explicit raw_peer(uint16_t port);
  boost::asio::ip::tcp::socket& socket() { return stream_->next_layer(); }

  /// With these certificates; none: without. False when refused (by TLS 1.3 a dialler may learn that only by reading).
  bool handshake(const certificate_files* certificates, bool tls_1_2 = false);
  bool write(std::span<const std::byte> bytes);
  bool write(std::string_view text);
  /// Reads exactly so much; false at the end.
  bool read(std::span<std::byte> into);
  /// Sends this hello and reads the answer.
  result<link_hello> greet(const link_hello& hello);
  /// Reads until the other end closes.
  bool wait_closed();

 private:
  std::unique_ptr<boost::asio::io_context> io_;
  std::unique_ptr<boost::asio::ssl::context> context_;
  std::unique_ptr<stream> stream_;
};

/// A hello that test_node "a" accepts from `node`.
link_hello hello_of(const std::string& node, const std::string& role = "node", uint64_t incarnation = 1);

}  // namespace troupe::test
