#include "gateway/http/lane.hpp"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <vector>

#include "gateway/http/connection.hpp"
#include "gateway/http/response_text.hpp"

namespace troupe {
namespace {

// Time-outs are looked at in one sweep over all connections, instead of a timer each that every request would set anew.
// They are late by at most a quarter of themselves, or a quarter of a second.
std::chrono::milliseconds interval_for(const http_server_config& config) {
  using std::chrono::milliseconds;
  auto shortest = std::min({config.limits.header_timeout, config.limits.idle_timeout, config.limits.slow_client_timeout,
                            config.body_timeout, config.linger_timeout});
  return std::clamp(shortest / 4, milliseconds(10), milliseconds(250));
}

}  // namespace

lane::lane(server_context& context, std::function<void()> emptied)
    : context_(context),
      emptied_(std::move(emptied)),
      guard_(io_.get_executor()),
      sweep_timer_(io_),
      sweep_interval_(interval_for(context.config)) {}

lane::~lane() = default;

void lane::run() {
  boost::asio::post(io_, [this] { schedule_sweep(); });
  thread_ = std::thread([this] { io_.run(); });
}

void lane::join() {
  if (thread_.joinable()) thread_.join();
}

void lane::add(tcp_socket socket, const boost::asio::ip::address& address, connection_place place) {
  auto added = std::make_shared<connection>(*this, context_, std::move(socket), address, place);
  connections_.emplace(added.get(), added);
  context_.metrics.connection_opened();
  if (stopped_) {
    added->cut("stopped");
  } else {
    added->start();
  }
}

void lane::remove(connection& gone) {
  context_.counts.remove(gone.address(), gone.place());
  context_.metrics.connection_closed();
  connections_.erase(&gone);
  if (connections_.empty()) emptied_();
}

void lane::schedule_sweep() {
  if (stopped_) return;
  sweep_timer_.expires_after(sweep_interval_);
  sweep_timer_.async_wait([this](boost::system::error_code ec) {
    if (ec) return;
    sweep();
    schedule_sweep();
  });
}

void lane::sweep() {
  instant now = context_.time.now();
  if (cut_at_ && now >= *cut_at_) {
    cut_at_.reset();
    cut_(connections_.size());
    cut_all();
    return;
  }
  // A connection that times out may remove itself.
  std::vector<std::shared_ptr<connection>> all;
  all.reserve(connections_.size());
  for (const auto& entry : connections_) all.push_back(entry.second);
  for (const auto& each : all) each->sweep(now);
}

void lane::cut_all() {
  auto all = connections_;
  for (const auto& entry : all) entry.second->cut("stopped");
}

void lane::drain(instant deadline, std::function<void(size_t)> cut) {
  cut_at_ = deadline;
  cut_ = std::move(cut);
  auto all = connections_;
  for (const auto& entry : all) entry.second->drain();
  if (connections_.empty()) emptied_();
}

void lane::stop() {
  stopped_ = true;
  sweep_timer_.cancel();
  cut_all();
  guard_.reset();
}

const std::string& lane::date() {
  auto now = std::chrono::floor<std::chrono::seconds>(context_.time.wall_now());
  if (date_.empty() || now != date_time_) {
    date_time_ = now;
    date_ = http_date(now);
  }
  return date_;
}

}  // namespace troupe
