// What the server writes before a body: status line and fields; and the body compressed.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace troupe {

struct response_head {
  int status = 200;
  std::string_view content_type;
  std::string_view request_id;
  /// Sun, 06 Nov 1994 08:49:37 GMT
  std::string_view date;
  /// Without a value the body is a stream: chunked, or up to the connection's end.
  std::optional<uint64_t> content_length = {};
  std::string_view allow = {};
  bool chunked = false;
  bool close = false;
  /// It could have been compressed, and is.
  bool vary = false;
  bool gzip = false;
};

std::string response_head_text(const response_head& head);

/// RFC 9110 §5.6.7
std::string http_date(std::chrono::sys_seconds time);

/// The whole of `body` as one gzip member.
std::string gzipped(std::string_view body);

}  // namespace troupe
