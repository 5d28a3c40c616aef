#include "gateway/http/response_text.hpp"

#include <zlib.h>

#include <array>
#include <boost/beast/http/status.hpp>

#include "base/check.hpp"

namespace troupe {
namespace {

namespace http = boost::beast::http;

void append_two(std::string& out, unsigned n) {
  out += static_cast<char>('0' + n / 10 % 10);
  out += static_cast<char>('0' + n % 10);
}

}  // namespace

std::string response_head_text(const response_head& head) {
  std::string out;
  out.reserve(320);
  auto reason = http::obsolete_reason(http::int_to_status(static_cast<unsigned>(head.status)));
  out += "HTTP/1.1 ";
  out += std::to_string(head.status);
  out += ' ';
  out.append(reason.data(), reason.size());
  auto field = [&](std::string_view name, std::string_view value) {
    out += "\r\n";
    out += name;
    out += ": ";
    out += value;
  };
  field("Date", head.date);
  field("Content-Type", head.content_type);
  field("x-request-id", head.request_id);
  if (head.content_length) {
    field("Content-Length", std::to_string(*head.content_length));
    field("X-Content-Type-Options", "nosniff");
  } else {
    field("Cache-Control", "no-cache");
    field("X-Accel-Buffering", "no");  // nginx would collect events before it passes them on.
    if (head.chunked) field("Transfer-Encoding", "chunked");
  }
  if (head.vary) field("Vary", "Accept-Encoding");
  if (head.gzip) field("Content-Encoding", "gzip");
  if (!head.allow.empty()) field("Allow", head.allow);
  if (head.status == 503) field("Retry-After", "1");
  if (head.close) field("Connection", "close");
  out += "\r\n\r\n";
  return out;
}

std::string http_date(std::chrono::sys_seconds time) {
  constexpr std::array<std::string_view, 7> days{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  constexpr std::array<std::string_view, 12> months{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                    "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  auto day = std::chrono::floor<std::chrono::days>(time);
  std::chrono::year_month_day date(day);
  auto seconds = static_cast<unsigned>((time - day).count());
  std::string out(days[std::chrono::weekday(day).c_encoding()]);
  out += ", ";
  append_two(out, static_cast<unsigned>(date.day()));
  out += ' ';
  out += months[static_cast<unsigned>(date.month()) - 1];
  out += ' ';
  out += std::to_string(static_cast<int>(date.year()));
  out += ' ';
  append_two(out, seconds / 3600);
  out += ':';
  append_two(out, seconds / 60 % 60);
  out += ':';
  append_two(out, seconds % 60);
  out += " GMT";
  return out;
}

std::string gzipped(std::string_view body) {
  z_stream stream{};
  // 15 bits of window, 16 for gzip's header. Level 4: JSON gains little from more, and a lane does this between
  // streams.
  TROUPE_CHECK(deflateInit2(&stream, 4, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) == Z_OK);
  std::string out(deflateBound(&stream, static_cast<uLong>(body.size())), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(body.data()));  // zlib only reads it.
  stream.avail_in = static_cast<uInt>(body.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  TROUPE_CHECK(deflate(&stream, Z_FINISH) == Z_STREAM_END);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

}  // namespace troupe
