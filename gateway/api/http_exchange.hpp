// The border between the HTTP server and the API: one request, the way back to its client, and the handler between
// them. gateway/http implements http_exchange and calls http_handler; gateway/api does the reverse. No socket is seen
// here.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "base/error.hpp"
#include "gateway/api/gateway_metrics.hpp"
#include "gateway/cluster_client.hpp"

namespace troupe {

/// A request whose framing was checked. The body is not.
struct http_request {
  /// The client's x-request-id, or one that the server made: 1 to 128 visible ASCII characters.
  std::string request_id;
  /// A HEAD request arrives as "GET".
  std::string method;
  /// Percent-decoded, without the query; begins with '/'. Bytes of it may be anything.
  std::string path;
  std::string content_type;
  /// Whoever asks again with the same is given the same answer; empty: none. 1 to 255 visible ASCII characters.
  std::string idempotency_key = {};
  /// The id of the last event of a stream that the client has; empty: none. Visible ASCII characters.
  std::string last_event_id = {};
  std::string body = {};
  /// When the head was complete.
  instant arrived;
};

struct http_response {
  int status = 200;
  std::string content_type = "application/json";
  std::string body = {};
  /// With 405: the methods that the route has ("GET, HEAD").
  std::string allow = {};
  /// For the access log.
  answer_usage usage = {};
  /// For the log: why it is no success. The client sees the body alone.
  std::optional<error> failure = {};
};

/// The way back for one request: either one respond(), or any number of events and one end_events(). Any thread; one
/// call at a time. When the client is gone, all calls are swallowed and the running work is destroyed.
class http_exchange {
 public:
  virtual ~http_exchange() = default;

  /// Hands over what runs for this request: destroyed, and so cancelled, when the client goes away; resumed when there
  /// is room for events again. At most once; may come after the answer itself.
  virtual void started(std::unique_ptr<running_request> work) = 0;

  virtual void respond(http_response response) = 0;

  /// Queues complete server-sent events; the first call makes the answer a stream (status 200). False: the client's
  /// buffer is full and nothing was taken; the running work is resumed when it is half empty.
  virtual bool write_events(std::string_view events) = 0;

  /// Ends the stream. `last_events` are taken even where the buffer is full.
  virtual void end_events(std::string_view last_events, const answer_usage& usage, std::optional<error> failure) = 0;
};

class http_handler {
 public:
  virtual ~http_handler() = default;
  /// The name of a path's route.
  virtual route route_of(std::string_view path) const = 0;
  /// What can be refused before the body is read: unknown routes, wrong methods, media types. `head.body` is empty.
  virtual std::optional<http_response> refuse(const http_request& head) const = 0;
  /// Answers, at once or later, through `exchange`. May take a while when the body is large. Any thread.
  virtual void handle(http_request request, std::shared_ptr<http_exchange> exchange) = 0;
};

/// The answer that carries OpenAI's error object for `why`, with the status of errors.def.
http_response error_response(const error& why);

}  // namespace troupe
