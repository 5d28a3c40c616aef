// One connection's requests out of its bytes: the strict scan and Beast's parser for the head, the rules of RFC 9112
// where it leaves a choice between refusing and repairing, and the body. Knows no socket; the fuzz target http_head
// drives it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace troupe {

struct request_head {
  std::string method;
  /// Percent-decoded, without the query; begins with '/', or is "*".
  std::string path;
  std::string content_type;
  /// The client's, if it is 1 to 128 visible ASCII characters; else empty.
  std::string request_id;
  /// http_request::idempotency_key and ::last_event_id.
  std::string idempotency_key;
  std::string last_event_id;
  std::optional<uint64_t> content_length;
  bool http_1_0 = false;
  bool keep_alive = false;
  bool has_body = false;
  bool expects_continue = false;
  bool accepts_gzip = false;
};

struct reader_limits {
  size_t header_bytes_max = 16 << 10;
  size_t fields_max = 64;
  uint64_t body_bytes_max = 4 << 20;
};

class request_reader {
 public:
  enum class progress : uint8_t { need_more, head, request };

  explicit request_reader(reader_limits limits);
  ~request_reader();

  /// Reads on at the front of `input` and says in `consumed` how much of it is done with; the caller offers the rest
  /// again, with more behind it where more is needed. Stops after a head and after a request. After an error the
  /// connection can only be closed: where the next request would begin is not known. Errors: invalid_argument,
  /// header_too_large, payload_too_large, unsupported_media_type.
  result<progress> read(std::string_view input, size_t& consumed);

  /// From progress::head on; after an error, what was understood by then.
  const request_head& head() const { return head_; }
  /// Whether a head was read whose request is not complete.
  bool in_body() const;
  uint64_t body_bytes() const;
  /// After progress::request: gives the body and makes ready for the next request.
  std::string take_body();

 private:
  struct state;
  result<progress> read_head(std::string_view input, size_t& consumed);
  result<progress> read_body(std::string_view input, size_t& consumed);

  reader_limits limits_;
  request_head head_;
  std::unique_ptr<state> state_;
};

/// The path of a request-target without its query, percent-decoded. Takes origin-form, absolute-form (RFC 9112 §3.2.2)
/// and "*". Errors: invalid_argument.
result<std::string> path_of_target(std::string_view target);

}  // namespace troupe
