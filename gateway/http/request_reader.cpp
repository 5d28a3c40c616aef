#include "gateway/http/request_reader.hpp"

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/beast/core/string.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <charconv>

#include "gateway/http/accept_encoding.hpp"
#include "gateway/http/chunk_decoder.hpp"
#include "gateway/http/head_scanner.hpp"
#include "gateway/http/hex_digit.hpp"

namespace troupe {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;

using parser = http::request_parser<http::empty_body>;

constexpr size_t request_id_length_max = 128;
constexpr size_t idempotency_key_length_max = 255;
constexpr size_t last_event_id_length_max = 8192;

error malformed(std::string_view what) { return {errc::invalid_argument, "malformed request: " + std::string(what)}; }

// The one value of a field; nothing where it is absent. Twice is refused even where both say the same.
result<std::optional<std::string_view>> single(const http::fields& fields, http::field name) {
  auto [first, last] = fields.equal_range(name);
  if (first == last) return std::optional<std::string_view>();
  if (std::next(first) != last) {
    auto text = http::to_string(name);
    return malformed("the field " + std::string(text.data(), text.size()) + " occurs twice");
  }
  return std::optional(std::string_view(first->value().data(), first->value().size()));
}

bool is_visible(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c > 0x20 && c < 0x7F; });
}

// RFC 3986's host and port, without its grammar: enough that nothing else gets in.
bool is_host(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           std::string_view("-._~:[]%!$&'()*+,;=").find(c) != std::string_view::npos;
  });
}

result<void> check_host(const http::fields& fields, bool http_1_0) {
  TROUPE_ASSIGN(auto host, single(fields, http::field::host));
  if (!host && !http_1_0) return malformed("there is no Host field");
  if (host && !is_host(*host)) return malformed("the Host is not valid");
  return {};
}

result<void> read_framing(const http::fields& fields, request_head& head) {
  TROUPE_ASSIGN(auto length, single(fields, http::field::content_length));
  TROUPE_ASSIGN(auto coding, single(fields, http::field::transfer_encoding));
  if (length && coding) return malformed("both Content-Length and Transfer-Encoding");
  if (coding) {
    if (head.http_1_0) return malformed("HTTP/1.0 has no Transfer-Encoding");
    if (!beast::iequals(beast::string_view(coding->data(), coding->size()), "chunked")) {
      return malformed("the only transfer coding known here is chunked");
    }
    head.has_body = true;
  }
  if (length) {
    uint64_t bytes = 0;
    auto [end, ec] = std::from_chars(length->data(), length->data() + length->size(), bytes);
    if (ec != std::errc{} || end != length->data() + length->size())
      return malformed("the Content-Length is no number");
    head.content_length = bytes;
    head.has_body = bytes > 0;
  }
  return {};
}

result<void> read_body_fields(const http::fields& fields, request_head& head) {
  TROUPE_ASSIGN(auto type, single(fields, http::field::content_type));
  if (type) head.content_type = *type;
  TROUPE_ASSIGN(auto encoding, single(fields, http::field::content_encoding));
  // A compressed body could be a thousand times larger than it looks.
  if (encoding && !beast::iequals(beast::string_view(encoding->data(), encoding->size()), "identity")) {
    return {errc::unsupported_media_type, "compressed bodies are not accepted; leave out Content-Encoding"};
  }
  TROUPE_ASSIGN(auto expect, single(fields, http::field::expect));
  if (expect) {
    if (!beast::iequals(beast::string_view(expect->data(), expect->size()), "100-continue")) {
      return malformed("the only expectation known here is 100-continue");
    }
    head.expects_continue = !head.http_1_0;
  }
  return {};
}

// A field whose meaning is bound to its exact bytes: refused where there is a doubt, not left out.
result<std::string> read_token(const http::fields& fields, beast::string_view name, size_t length_max) {
  const auto [first, last] = fields.equal_range(name);
  if (first == last) return std::string();
  const std::string shown(name.data(), name.size());
  if (std::next(first) != last) return malformed("the field " + shown + " occurs twice");
  const std::string_view text(first->value().data(), first->value().size());
  if (text.empty() || text.size() > length_max || !is_visible(text))
    return malformed("the field " + shown + " must be 1 to " + std::to_string(length_max) + " visible characters");
  return std::string(text);
}

result<void> read_answer_fields(const http::fields& fields, request_head& head) {
  TROUPE_ASSIGN(head.idempotency_key, read_token(fields, "Idempotency-Key", idempotency_key_length_max));
  TROUPE_ASSIGN(head.last_event_id, read_token(fields, "Last-Event-ID", last_event_id_length_max));
  return {};
}

void read_preferences(const http::fields& fields, request_head& head) {
  auto [id, id_end] = fields.equal_range("x-request-id");
  if (id != id_end && std::next(id) == id_end) {
    std::string_view text(id->value().data(), id->value().size());
    if (!text.empty() && text.size() <= request_id_length_max && is_visible(text)) head.request_id = text;
  }
  auto [first, last] = fields.equal_range(http::field::accept_encoding);
  std::string all;
  for (; first != last; ++first) {
    if (!all.empty()) all += ',';
    all.append(first->value().data(), first->value().size());
  }
  head.accepts_gzip = accepts_gzip(all);
}

}  // namespace

struct request_reader::state {
  explicit state(const reader_limits& limits) : scanner(limits.header_bytes_max, limits.fields_max) {}

  bool body_is_complete(const request_head& head) const {
    return chunks ? chunks->is_done() : body.size() == head.content_length.value_or(0);
  }

  head_scanner scanner;
  bool head_is_read = false;
  std::optional<chunk_decoder> chunks;
  std::string body;
};

request_reader::request_reader(reader_limits limits) : limits_(limits), state_(std::make_unique<state>(limits)) {}
request_reader::~request_reader() = default;

bool request_reader::in_body() const { return state_->head_is_read; }

uint64_t request_reader::body_bytes() const { return state_->body.size(); }

std::string request_reader::take_body() {
  TROUPE_CHECK(state_->head_is_read && state_->body_is_complete(head_));
  std::string body = std::move(state_->body);
  state_ = std::make_unique<state>(limits_);
  return body;
}

result<request_reader::progress> request_reader::read(std::string_view input, size_t& consumed) {
  consumed = 0;
  return state_->head_is_read ? read_body(input, consumed) : read_head(input, consumed);
}

result<request_reader::progress> request_reader::read_head(std::string_view input, size_t& consumed) {
  head_ = {};
  TROUPE_ASSIGN(size_t length, state_->scanner.scan(input));
  if (length == 0) return progress::need_more;
  parser message;
  message.header_limit(static_cast<uint32_t>(limits_.header_bytes_max));
  message.body_limit(boost::none);  // The length that the head tells is checked below, with a better message.
  beast::error_code ec;
  consumed = message.put(asio::buffer(input.data(), length), ec);
  if (ec) return malformed(ec.message());
  TROUPE_CHECK(message.is_header_done() && consumed == length);
  state_->head_is_read = true;

  const auto& fields = message.get();
  head_.method = std::string(fields.method_string().data(), fields.method_string().size());
  head_.http_1_0 = fields.version() == 10;
  head_.keep_alive = !head_.http_1_0 && message.keep_alive();
  read_preferences(fields, head_);
  TROUPE_ASSIGN(head_.path, path_of_target({fields.target().data(), fields.target().size()}));
  TROUPE_TRY(check_host(fields, head_.http_1_0));
  TROUPE_TRY(read_framing(fields, head_));
  TROUPE_TRY(read_body_fields(fields, head_));
  TROUPE_TRY(read_answer_fields(fields, head_));
  if (head_.content_length.value_or(0) > limits_.body_bytes_max) {
    return error{errc::payload_too_large, "the body is announced with " + std::to_string(*head_.content_length) +
                                              " bytes, at most " + std::to_string(limits_.body_bytes_max) +
                                              " are accepted"};
  }
  if (head_.has_body && !head_.content_length) {
    state_->chunks.emplace(limits_.header_bytes_max, limits_.body_bytes_max);
  }
  return progress::head;
}

result<request_reader::progress> request_reader::read_body(std::string_view input, size_t& consumed) {
  if (state_->chunks) {
    TROUPE_ASSIGN(consumed, state_->chunks->decode(input, state_->body));
  } else {
    auto piece = input.substr(0, head_.content_length.value_or(0) - state_->body.size());
    state_->body += piece;
    consumed = piece.size();
  }
  return state_->body_is_complete(head_) ? progress::request : progress::need_more;
}

result<std::string> path_of_target(std::string_view target) {
  constexpr std::string_view scheme = "http://";
  if (target == "*") return std::string(target);
  if (beast::iequals(beast::string_view(target.data(), std::min(target.size(), scheme.size())), scheme.data())) {
    size_t slash = target.find_first_of("/?", scheme.size());
    bool has_path = slash != std::string_view::npos && target[slash] == '/';
    target = has_path ? target.substr(slash) : std::string_view("/");
  }
  if (!target.starts_with('/')) return malformed("the target is no path");
  if (target.find('#') != std::string_view::npos) return malformed("the target has a fragment");
  target = target.substr(0, target.find('?'));
  std::string path;
  path.reserve(target.size());
  for (size_t i = 0; i < target.size(); ++i) {
    if (target[i] != '%') {
      path += target[i];
      continue;
    }
    if (i + 2 >= target.size()) return malformed("the target ends in the middle of an escape");
    auto high = hex_digit(target[i + 1]);
    auto low = hex_digit(target[i + 2]);
    if (!high || !low) return malformed("the target has an invalid escape");
    path += static_cast<char>(*high * 16 + *low);
    i += 2;
  }
  return path;
}

}  // namespace troupe
