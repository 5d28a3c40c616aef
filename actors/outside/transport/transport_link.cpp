#include "actors/outside/transport/transport_link.hpp"

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>
#include <utility>

namespace troupe {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;

/// Frames are gathered into writes of this size: a few TLS records, so that small ones share the cost of a record and
/// of a system call, and a ping never waits for more than this.
constexpr size_t write_bytes = 64 << 10;
/// The longest that returned credit waits for company.
constexpr std::chrono::milliseconds credit_delay{5};
constexpr std::chrono::milliseconds goodbye_timeout{300};

}  // namespace

transport_link::transport_link(asio::io_context& io, greeted from, const transport_link_config& config, owner& to)
    : io_(io),
      stream_(std::move(from.stream)),
      peer_{from.hello.node, from.hello.incarnation, from.hello.role},
      dialled_(from.dialled),
      since_(std::chrono::steady_clock::now()),
      config_(config),
      owner_(to),
      reader_(config.frame_bytes_max, config.window),
      ping_timer_(io),
      credit_timer_(io),
      outbox_({.frames_max = config.queue_frames_max,
               .bytes_max = config.queue_bytes_max,
               .frame_bytes_max = std::min(config.frame_bytes_max, size_t{from.hello.frame_bytes_max}),
               .window = {from.hello.window_frames, from.hello.window_bytes}}) {}

void transport_link::start() {
  // The account forgets this in leave_up(), so a credit that outlives the link, and the transport, finds nobody.
  credits_ = std::make_shared<credit_account>(
      config_.window, [weak = weak_from_this(), &io = io_](credit_account::urgency when) {
        auto self = weak.lock();
        if (self) asio::post(io, [self = std::move(self), when] { self->on_credit_wake(when); });
      });
  read();
  on_ping_timer();
}

result<void> transport_link::send(frame_bytes frame) {
  std::lock_guard lock(mutex_);
  if (!open_) return {errc::unavailable, "the link to " + peer_.node + " has ended"};
  if (auto pushed = outbox_.push(std::move(frame)); !pushed) return with_context(pushed.err(), "node " + peer_.node);
  if (!writing_ && outbox_.sendable()) {
    writing_ = true;
    asio::post(io_, [self = shared_from_this()] { self->write(); });
  }
  return {};
}

void transport_link::end(std::string_view reason, const error& why, outbox::rest of_queue) {
  if (state_ != state::up) return;
  {
    std::lock_guard lock(mutex_);
    outbox_.push_goodbye(why.message(), of_queue);
  }
  leave_up(reason, why);
  // The peer's end of file, after it has read our goodbye, comes to read(); a peer that does neither is not waited for.
  ping_timer_.expires_after(goodbye_timeout);
  ping_timer_.async_wait([self = shared_from_this()](const error_code& cancelled) {
    if (!cancelled) self->close();
  });
  wake_writer();
}

void transport_link::fail(std::string_view reason, const error& why) {
  leave_up(reason, why);
  close();
}

void transport_link::leave_up(std::string_view reason, const error& why) {
  if (state_ != state::up) return;
  state_ = state::goodbye;
  {
    std::lock_guard lock(mutex_);
    open_ = false;
  }
  credits_->close();
  credit_timer_.cancel();
  ping_timer_.cancel();
  owner_.on_link_ended(shared_from_this(), reason, why);
}

void transport_link::close() {
  if (state_ == state::closed) return;
  state_ = state::closed;
  ping_timer_.cancel();
  error_code ignored;
  stream_->next_layer().close(ignored);
  owner_.on_link_closed(shared_from_this());
}

void transport_link::read() {
  stream_->async_read_some(
      asio::buffer(read_buffer_),
      [self = shared_from_this()](const error_code& failed, size_t count) { self->on_read(failed, count); });
}

void transport_link::on_read(const error_code& failed, size_t count) {
  if (state_ == state::closed) return;
  if (failed) return fail("closed", {errc::unavailable, "the connection was lost: " + failed.message()});
  heard_ = true;
  if (state_ == state::up) {
    auto fed = reader_.feed(std::span(read_buffer_).first(count), *this);
    if (!fed) end("protocol", fed.err());
  }
  // After a goodbye too: what lies unread when a socket is closed makes the peer's side drop our last words.
  if (state_ != state::closed) read();
}

void transport_link::on_data(frame_bytes frame) {
  // A listener's call may have ended the link in the middle of a buffer.
  if (state_ != state::up) return;
  auto credit = credits_->credit_for(frame->size());
  owner_.on_link_frame(*this, std::move(frame), std::move(credit));
}

void transport_link::on_credit(link_credit credit) {
  if (state_ != state::up) return;
  result<void> added;
  {
    std::lock_guard lock(mutex_);
    added = outbox_.add_credit(credit);
  }
  if (!added) return end("protocol", added.err());
  wake_writer();
}

void transport_link::on_goodbye(std::string why) {
  fail("goodbye", {errc::unavailable, "the peer ended the link: " + why});
}

void transport_link::on_ping_timer() {
  // Silence is counted in timers, not in time: a process that was itself stopped for a while first reads what has come.
  pings_missed_ = std::exchange(heard_, false) ? 0 : pings_missed_ + 1;
  if (pings_missed_ > config_.pings_missed_max) {
    return fail("silent",
                {errc::unavailable, "no sign of life for " + std::to_string(config_.pings_missed_max) + " pings"});
  }
  {
    std::lock_guard lock(mutex_);
    outbox_.push_ping();
  }
  wake_writer();
  ping_timer_.expires_after(config_.ping_interval);
  ping_timer_.async_wait([self = shared_from_this()](const error_code& cancelled) {
    if (!cancelled && self->state_ == state::up) self->on_ping_timer();
  });
}

void transport_link::on_credit_wake(credit_account::urgency when) {
  if (state_ != state::up) return;
  if (when == credit_account::urgency::now) return return_credit();
  credit_timer_.expires_after(credit_delay);
  credit_timer_.async_wait([self = shared_from_this()](const error_code& cancelled) {
    if (!cancelled && self->state_ == state::up) self->return_credit();
  });
}

void transport_link::return_credit() {
  link_credit back = credits_->take();
  if (back.frames == 0) return;
  reader_.allow(back);
  {
    std::lock_guard lock(mutex_);
    outbox_.push_credit(back);
  }
  wake_writer();
}

void transport_link::wake_writer() {
  {
    std::lock_guard lock(mutex_);
    if (std::exchange(writing_, true)) return;
  }
  write();
}

void transport_link::write() {
  bool ended = false;
  write_buffer_.clear();
  {
    std::lock_guard lock(mutex_);
    outbox_.fill(write_buffer_, write_bytes);
    ended = outbox_.ended();
    if (write_buffer_.empty() || state_ == state::closed) writing_ = false;
  }
  if (state_ == state::closed) return;
  if (write_buffer_.empty()) {
    error_code ignored;
    if (ended) stream_->next_layer().shutdown(asio::ip::tcp::socket::shutdown_send, ignored);
    return;
  }
  asio::async_write(*stream_, asio::buffer(write_buffer_),
                    [self = shared_from_this()](const error_code& failed, size_t) { self->on_written(failed); });
}

void transport_link::on_written(const error_code& failed) {
  if (state_ == state::closed) return;
  if (failed) return fail("closed", {errc::unavailable, "the connection was lost: " + failed.message()});
  write();
}

}  // namespace troupe
