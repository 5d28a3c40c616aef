#include "gateway/http/connection.hpp"

#include <algorithm>
#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>
#include <cstdio>
#include <utility>

#include "gateway/http/response_text.hpp"

namespace troupe {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;

constexpr size_t head_read_bytes = 4 << 10;
constexpr size_t body_read_bytes = 64 << 10;
constexpr size_t write_buffers_max = 8;
constexpr size_t logged_path_max = 128;
// A body up to this size is sent from the same piece of memory as its head.
constexpr size_t small_body_bytes = 16 << 10;

std::string make_request_id(random_source& random) {
  char id[40];
  std::snprintf(id, sizeof id, "req_%016llx%016llx", static_cast<unsigned long long>(random.next()),
                static_cast<unsigned long long>(random.next()));
  return id;
}

bool is_generation(route which) {
  return which == route::chat_completions || which == route::completions || which == route::embeddings;
}

}  // namespace

connection::connection(lane& home, server_context& context, tcp_socket socket, const asio::ip::address& address,
                       connection_place place)
    : lane_(home),
      context_(context),
      socket_(std::move(socket)),
      address_(address),
      place_(place),
      reader_(context.limits_of_reader()),
      body_lease_(context.bodies_bytes, context.config.bodies_bytes_max) {}

void connection::start() {
  error_code ignored;  // Without these the connection works, only less well.
  socket_.set_option(asio::ip::tcp::no_delay(true), ignored);
  socket_.set_option(asio::socket_base::send_buffer_size(static_cast<int>(context_.config.send_buffer_bytes)), ignored);
  deadline_ = context_.time.now() + context_.config.limits.idle_timeout;
  if (place_ != connection_place::served) {
    return refuse({errc::overloaded, "there are too many connections; try again later"});
  }
  process();
}

// ---- Input

void connection::consume_input(size_t bytes) {
  input_at_ += bytes;
  if (input_at_ < input_.size()) return;
  input_.clear();
  input_at_ = 0;
}

void connection::pump_read() {
  if (reading_ || input_ended_ || state_ == state::closed) return;
  // Requests that wait behind the present one may take a head's room; then the client has to wait. (That it left we
  // then learn when we write.)
  if (state_ == state::answering && input().size() >= context_.config.limits.header_bytes_max) return;
  read_buffer_.resize(state_ == state::reading && reader_.in_body() ? body_read_bytes : head_read_bytes);
  reading_ = true;
  socket_.async_read_some(asio::buffer(read_buffer_), [self = shared_from_this()](const error_code& ec, size_t bytes) {
    self->on_read(ec, bytes);
  });
}

void connection::on_read(const error_code& ec, size_t bytes) {
  reading_ = false;
  if (state_ == state::closed) return;
  if (ec) {
    input_ended_ = true;
    // A client that closes its half while it waits for an answer cannot be told from one that has gone.
    if (state_ == state::answering && !answer_ended_) return client_gone("disconnected");
    if (state_ == state::lingering) return close();
    return process();
  }
  if (state_ == state::lingering) return pump_read();
  if (input_at_ > 0) input_.erase(0, std::exchange(input_at_, 0));
  input_.append(read_buffer_.data(), bytes);
  process();
}

void connection::process() {
  while (state_ == state::reading) {
    if (input().empty() && !reader_.in_body()) {
      if (input_ended_ || context_.draining) return close();
      break;
    }
    if (!std::exchange(head_begun_, true)) deadline_ = context_.time.now() + context_.config.limits.header_timeout;
    size_t consumed = 0;
    auto progress = reader_.read(input(), consumed);
    consume_input(consumed);
    if (!progress) return refuse(progress.err());
    if (!body_lease_.grow_to(reader_.body_bytes())) {
      return refuse({errc::overloaded, "the requests that are arriving are too large together; try again later"});
    }
    if (*progress == request_reader::progress::head) {
      on_head();
    } else if (*progress == request_reader::progress::request) {
      on_request();
    } else {
      if (input_ended_) return client_gone("disconnected");
      break;
    }
  }
  pump_read();
}

void connection::begin_request(const request_head& head) {
  ++request_;
  request_open_ = true;
  request_id_ = head.request_id.empty() ? make_request_id(context_.random) : head.request_id;
  head_only_ = head.method == "HEAD";
  method_ = head.method;
  path_ = head.path;
  content_type_ = head.content_type;
  idempotency_key_ = head.idempotency_key;
  last_event_id_ = head.last_event_id;
  route_ = context_.handler.route_of(path_);
  arrived_ = context_.time.now();
  body_begun_ = arrived_;
  http_1_0_ = head.http_1_0;
  keep_alive_ = head.keep_alive;
  accepts_gzip_ = head.accepts_gzip;
  refusal_.reset();
  stream_begun_ = false;
  answer_ended_ = false;
  status_ = 0;
  sent_bytes_ = 0;
  usage_ = {};
  failure_.reset();
}

void connection::on_head() {
  const auto& head = reader_.head();
  begin_request(head);
  refusal_ = context_.handler.refuse({.request_id = request_id_,
                                      .method = head_only_ ? "GET" : method_,
                                      .path = path_,
                                      .content_type = content_type_,
                                      .body = {},
                                      .arrived = arrived_});
  if (!head.has_body) return;
  if (refusal_) {
    // Rather than read a body for nothing: say so, and let the connection go.
    keep_alive_ = false;
    state_ = state::answering;
    queue_response(std::move(*refusal_));
  } else if (head.expects_continue && input().empty()) {
    queue("HTTP/1.1 100 Continue\r\n\r\n");
    start_write();
  }
}

void connection::on_request() {
  std::string body = reader_.take_body();
  state_ = state::answering;
  if (refusal_) return queue_response(std::move(*refusal_));
  dispatch(std::move(body));
}

void connection::dispatch(std::string body) {
  auto wake = [&io = lane_.io(), weak = weak_from_this(), request = request_] {
    asio::post(io, [weak, request] {
      if (auto self = weak.lock()) self->on_answer(request);
    });
  };
  exchange_ = std::make_shared<client_exchange>(wake, context_.config.limits.stream_buffer_bytes, !http_1_0_);
  http_request request{.request_id = request_id_,
                       .method = head_only_ ? "GET" : method_,
                       .path = path_,
                       .content_type = content_type_,
                       .idempotency_key = idempotency_key_,
                       .last_event_id = last_event_id_,
                       .body = std::move(body),
                       .arrived = arrived_};
  if (request.body.size() >= context_.config.worker_body_bytes) {
    asio::post(context_.worker,
               [&handler = context_.handler, request = std::move(request), exchange = exchange_,
                lease = std::move(body_lease_)]() mutable { handler.handle(std::move(request), std::move(exchange)); });
    body_lease_ = byte_lease(context_.bodies_bytes, context_.config.bodies_bytes_max);
  } else {
    context_.handler.handle(std::move(request), exchange_);
    body_lease_.release();
  }
  pull_answer();
  if (input_ended_ && !answer_ended_) client_gone("disconnected");
}

// ---- The answer

void connection::on_answer(uint64_t request) {
  if (request == request_) pull_answer();
}

void connection::pull_answer() {
  // What is there is taken when all before it is written: small events that come meanwhile leave together.
  if (state_ != state::answering || !exchange_ || answer_ended_ || !output_.empty()) return;
  auto taken = exchange_->take();
  if (taken.response) return queue_response(std::move(*taken.response));
  if (taken.streaming && !stream_begun_) queue_stream_head();
  if (!taken.events.empty()) queue(std::move(taken.events), taken.events_at, true);
  if (taken.ended) {
    answer_ended_ = true;
    usage_ = taken.usage;
    failure_ = std::move(taken.failure);
    if (!http_1_0_) queue("0\r\n\r\n");
  }
  start_write();
}

// Where the next request would begin is not known any more, or is not worth waiting for.
void connection::refuse(const error& why) {
  if (!request_open_) begin_request(reader_.head());
  keep_alive_ = false;
  state_ = state::answering;
  body_lease_.release();
  queue_response(error_response(why));
}

void connection::queue_response(http_response response) {
  answer_ended_ = true;
  status_ = response.status;
  usage_ = response.usage;
  failure_ = std::move(response.failure);
  keep_alive_ = keep_alive_ && !context_.draining;
  bool compressible =
      response.body.size() >= context_.config.gzip_bytes_min && response.body.size() <= context_.config.gzip_bytes_max;
  if (compressible && accepts_gzip_) response.body = gzipped(response.body);
  std::string out = response_head_text({.status = response.status,
                                        .content_type = response.content_type,
                                        .request_id = request_id_,
                                        .date = lane_.date(),
                                        .content_length = response.body.size(),
                                        .allow = response.allow,
                                        .close = !keep_alive_,
                                        .vary = compressible,
                                        .gzip = compressible && accepts_gzip_});
  if (head_only_) {
    queue(std::move(out));
  } else if (response.body.size() <= small_body_bytes) {
    out += response.body;
    queue(std::move(out));
  } else {
    queue(std::move(out));
    queue(std::move(response.body));
  }
  start_write();
}

void connection::queue_stream_head() {
  stream_begun_ = true;
  status_ = 200;
  keep_alive_ = keep_alive_ && !context_.draining;
  queue(response_head_text({.status = 200,
                            .content_type = "text/event-stream; charset=utf-8",
                            .request_id = request_id_,
                            .date = lane_.date(),
                            .chunked = !http_1_0_,
                            .close = !keep_alive_}));
}

void connection::finish_request() {
  note_finished(status_);
  if (exchange_) exchange_->close();
  exchange_.reset();
  if (!keep_alive_ || context_.draining) return begin_close();
  state_ = state::reading;
  head_begun_ = false;
  deadline_ = context_.time.now() + context_.config.limits.idle_timeout;
  if (input_.capacity() > body_read_bytes) input_.shrink_to_fit();
  process();
}

void connection::note_finished(int status) {
  request_open_ = false;
  auto took = context_.time.now() - arrived_;
  context_.metrics.request_finished(route_, status, took);
  // What went wrong on our side is for our eyes alone; what was wrong with a request may quote it, and is not logged.
  bool ours = failure_ && http_status(failure_->code) >= 500;
  context_.log.write(status == 500 ? log_level::warn : log_level::info, "gateway.request",
                     {{"request_id", request_id_},
                      {"method", std::string_view(method_).substr(0, 16)},
                      {"path", std::string_view(path_).substr(0, logged_path_max)},
                      {"status", status},
                      {"ms", std::chrono::duration<double, std::milli>(took).count()},
                      {"prompt_tokens", usage_.prompt_tokens},
                      {"completion_tokens", usage_.completion_tokens},
                      {"bytes", sent_bytes_},
                      {"error", failure_ ? name(failure_->code) : std::string_view()},
                      {"detail", ours ? std::string_view(failure_->detail) : std::string_view()}});
}

// ---- Output

void connection::queue(std::string bytes, size_t at, bool events) {
  output_.push_back({.bytes = std::move(bytes), .at = at, .events = events});
}

void connection::start_write() {
  if (writing_ || output_.empty() || state_ == state::closed) return;
  std::array<asio::const_buffer, write_buffers_max> buffers;
  size_t count = std::min(output_.size(), buffers.size());
  for (size_t i = 0; i < count; ++i) {
    const auto& piece = output_[i];
    buffers[i] = asio::buffer(piece.bytes.data() + piece.at, piece.bytes.size() - piece.at);
  }
  writing_ = true;
  write_progress_ = context_.time.now();
  socket_.async_write_some(
      buffers, [self = shared_from_this()](const error_code& ec, size_t bytes) { self->on_written(ec, bytes); });
}

void connection::on_written(const error_code& ec, size_t bytes) {
  writing_ = false;
  if (state_ == state::closed) return;
  if (ec) return client_gone("disconnected");
  sent_bytes_ += bytes;
  size_t event_bytes = 0;
  while (bytes > 0) {
    auto& piece = output_.front();
    size_t part = std::min(bytes, piece.bytes.size() - piece.at);
    piece.at += part;
    bytes -= part;
    if (piece.events) event_bytes += part;
    if (piece.at == piece.bytes.size()) output_.pop_front();
  }
  if (event_bytes > 0 && exchange_) exchange_->written(event_bytes);
  if (output_.empty()) pull_answer();
  if (!output_.empty()) return start_write();
  if (state_ == state::answering && answer_ended_) finish_request();
}

// ---- The end

void connection::begin_close() {
  // Closing a socket that has unread input resets the connection, and the client may lose the answer: so we end our
  // half and read on for a moment.
  state_ = state::lingering;
  deadline_ = context_.time.now() + context_.config.linger_timeout;
  input_.clear();
  input_at_ = 0;
  error_code ignored;
  socket_.shutdown(asio::socket_base::shutdown_send, ignored);
  if (input_ended_) return close();
  pump_read();
}

void connection::client_gone(std::string_view reason) {
  if (request_open_) {
    if (exchange_ && is_generation(route_)) context_.metrics.generation_cancelled(route_, reason);
    if (!failure_) failure_ = error{errc::cancelled, std::string(reason)};
    note_finished(http_status(errc::cancelled));
  }
  close();
}

void connection::close() {
  if (state_ == state::closed) return;
  state_ = state::closed;
  if (exchange_) exchange_->close();
  exchange_.reset();
  error_code ignored;
  socket_.close(ignored);
  lane_.remove(*this);
}

void connection::cut(std::string_view reason) {
  if (state_ == state::closed) return;
  error_code ignored;
  socket_.set_option(asio::socket_base::linger(true, 0), ignored);  // Frees what the kernel still holds for it.
  client_gone(reason);
}

void connection::sweep(instant now) {
  const auto& limits = context_.config.limits;
  if (writing_ && now - write_progress_ >= limits.slow_client_timeout) return cut("slow_client");
  if (state_ == state::lingering && now >= deadline_) return close();
  if (state_ != state::reading) return;
  if (reader_.in_body()) {
    auto allowed = context_.config.body_timeout +
                   std::chrono::seconds(reader_.body_bytes() / context_.config.body_bytes_per_second_min);
    if (now - body_begun_ >= allowed) refuse({errc::request_timeout, "the body arrived too slowly"});
  } else if (now >= deadline_) {
    if (!head_begun_) return close();
    refuse({errc::request_timeout, "the header did not arrive in time"});
  }
}

void connection::drain() {
  if (state_ == state::reading && !head_begun_) close();
}

}  // namespace troupe
