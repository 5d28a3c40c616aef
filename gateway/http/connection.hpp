// One client's connection: reads requests, hands them to the handler one at a time, writes the answers in order.
//
//             head and body complete         answer written, keep-alive
//   reading ───────────────────▶ answering ───────────────────▶ reading
//      │ refused, too slow           │ answer written, close
//      └────────▶ lingering ◀────────┘         end of input, error, time-out: ▶ closed, from any state
//
// A read is pending in every state while there is room, because its end is how we learn that the client has gone.
#pragma once

#include <boost/asio/ip/address.hpp>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/http/client_exchange.hpp"
#include "gateway/http/lane.hpp"
#include "gateway/http/request_reader.hpp"
#include "gateway/http/server_context.hpp"

namespace troupe {

/// The lane's thread only.
class connection : public std::enable_shared_from_this<connection> {
 public:
  connection(lane& home, server_context& context, tcp_socket socket, const boost::asio::ip::address& address,
             connection_place place);

  void start();
  /// Ends what took too long.
  void sweep(instant now);
  /// Closes now if no request has begun, else after the answer to it.
  void drain();
  /// Closes now; the client sees a reset.
  void cut(std::string_view reason);

  const boost::asio::ip::address& address() const { return address_; }
  connection_place place() const { return place_; }

 private:
  enum class state : uint8_t { reading, answering, lingering, closed };
  struct output {
    std::string bytes;
    size_t at = 0;
    bool events = false;  // Their room in the exchange's buffer is free when they are written.
  };

  // Input.
  void pump_read();
  void on_read(const boost::system::error_code& ec, size_t bytes);
  void process();
  void on_head();
  void on_request();
  std::string_view input() const { return std::string_view(input_).substr(input_at_); }
  void consume_input(size_t bytes);

  // The answer.
  void begin_request(const request_head& head);
  void dispatch(std::string body);
  void on_answer(uint64_t request);
  void pull_answer();
  void refuse(const error& why);
  void queue_response(http_response response);
  void queue_stream_head();
  void finish_request();
  void note_finished(int status);

  // Output.
  void queue(std::string bytes, size_t at = 0, bool events = false);
  void start_write();
  void on_written(const boost::system::error_code& ec, size_t bytes);

  // The end.
  void begin_close();
  void client_gone(std::string_view reason);
  void close();

  lane& lane_;
  server_context& context_;
  tcp_socket socket_;
  const boost::asio::ip::address address_;
  const connection_place place_;
  state state_ = state::reading;

  std::vector<char> read_buffer_;  // The pending read's.
  std::string input_;              // What was read; up to input_at_ it is done with.
  size_t input_at_ = 0;
  request_reader reader_;
  byte_lease body_lease_;
  bool reading_ = false;      // A read is pending.
  bool input_ended_ = false;  // The client will send no more.
  instant deadline_;          // For the state's next step; not while answering.
  instant body_begun_;

  std::deque<output> output_;
  bool writing_ = false;  // A write is pending.
  instant write_progress_;

  // The request under way.
  uint64_t request_ = 0;  // Counts them: a wake for an earlier one is ignored.
  std::shared_ptr<client_exchange> exchange_;
  std::optional<http_response> refusal_;  // Decided from the head; sent when there is no body left to read.
  std::string request_id_;
  std::string method_;
  std::string path_;
  std::string content_type_;
  std::string idempotency_key_;
  std::string last_event_id_;
  route route_ = route::unknown;
  instant arrived_;
  bool head_begun_ = false;    // A byte of the next request has come.
  bool request_open_ = false;  // There is a request to answer, and to log.
  bool http_1_0_ = false;
  bool keep_alive_ = true;
  bool accepts_gzip_ = false;
  bool head_only_ = false;  // HEAD: the answer has no body.
  bool stream_begun_ = false;
  bool answer_ended_ = false;  // All of it was queued.
  int status_ = 0;
  uint64_t sent_bytes_ = 0;
  answer_usage usage_;
  std::optional<error> failure_;
};

}  // namespace troupe
