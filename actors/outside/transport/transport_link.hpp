// One link: an authenticated connection to one incarnation of a node, from its first frame to its last. It reads and
// writes on the transport's thread; only send() and the return of credits come from others.
//
//   up ──end()──▶ saying goodbye ──written, closed by the peer, or 300 ms──▶ closed
//    └─────────────failure─────────────────────────────────────────────────▶
#pragma once

#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "actors/outside/transport/credit_account.hpp"
#include "actors/outside/transport/frame_reader.hpp"
#include "actors/outside/transport/greeting.hpp"
#include "actors/outside/transport/link_choice.hpp"
#include "actors/outside/transport/outbox.hpp"
#include "actors/seams/transport.hpp"

namespace troupe {

struct transport_link_config {
  size_t frame_bytes_max = 0;
  /// What the peer was told in our hello.
  link_credit window;
  size_t queue_frames_max = 0;
  size_t queue_bytes_max = 0;
  std::chrono::milliseconds ping_interval{};
  uint32_t pings_missed_max = 0;
};

class transport_link final : public std::enable_shared_from_this<transport_link>, private frame_reader::handler {
 public:
  /// Called on the transport's thread.
  class owner {
   public:
    virtual ~owner() = default;
    virtual void on_link_frame(transport_link& link, frame_bytes frame, frame_credit credit) = 0;
    /// Once, and no frame after it. `reason` is one of transport_metrics::link_down.
    virtual void on_link_ended(const std::shared_ptr<transport_link>& link, std::string_view reason,
                               const error& why) = 0;
    /// Once, after the above: the connection is gone.
    virtual void on_link_closed(const std::shared_ptr<transport_link>& link) = 0;
  };

  transport_link(boost::asio::io_context& io, greeted from, const transport_link_config& config, owner& to);

  const peer_identity& peer() const { return peer_; }
  link_facts facts() const { return {peer_.incarnation, dialled_}; }
  std::chrono::steady_clock::time_point since() const { return since_; }

  void start();
  /// As transport::send. Any thread.
  result<void> send(frame_bytes frame);
  /// Says `why` to the peer and closes; the owner is told at once.
  void end(std::string_view reason, const error& why, outbox::rest of_queue = outbox::rest::drop);

 private:
  enum class state : uint8_t { up, goodbye, closed };

  void on_data(frame_bytes frame) override;
  void on_credit(link_credit credit) override;
  void on_goodbye(std::string why) override;

  void read();
  void on_read(const boost::system::error_code& failed, size_t count);
  void on_ping_timer();
  void on_credit_wake(credit_account::urgency when);
  void return_credit();
  /// Writes what the outbox gives, until it gives nothing.
  void write();
  /// As write(), unless a write is under way.
  void wake_writer();
  void on_written(const boost::system::error_code& failed);
  void fail(std::string_view reason, const error& why);
  void leave_up(std::string_view reason, const error& why);
  void close();

  boost::asio::io_context& io_;
  std::unique_ptr<tls_stream> stream_;
  const peer_identity peer_;
  const bool dialled_;
  const std::chrono::steady_clock::time_point since_;
  const transport_link_config config_;
  owner& owner_;

  state state_ = state::up;
  frame_reader reader_;
  std::shared_ptr<credit_account> credits_;
  boost::asio::steady_timer ping_timer_;
  boost::asio::steady_timer credit_timer_;
  bool heard_ = true;
  uint32_t pings_missed_ = 0;
  /// One TLS record at most comes at a time.
  std::array<std::byte, 16 << 10> read_buffer_{};
  std::vector<std::byte> write_buffer_;

  /// Guards what follows.
  std::mutex mutex_;
  outbox outbox_;
  bool open_ = true;
  /// A write is under way or posted.
  bool writing_ = false;
};

}  // namespace troupe
