#include "gateway/http/request_reader.hpp"

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/beast/core/string.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/rfc7230.hpp>
#include <boost/beast/http/string_body.hpp>
#include <charconv>

#include "gateway/http/head_scanner.hpp"

namespace troupe {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;

using parser = http::request_parser<http::string_body>;

constexpr size_t request_id_length_max = 128;

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

size_t count(const http::fields& fields) { return static_cast<size_t>(std::distance(fields.begin(), fields.end())); }

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

}  // namespace

struct request_reader::state {
  explicit state(const reader_limits& limits) : scanner(limits.header_bytes_max, limits.fields_max) {}

  head_scanner scanner;
  std::optional<parser> message;
  size_t fields = 0;
};

request_reader::request_reader(reader_limits limits) : limits_(limits), state_(std::make_unique<state>(limits)) {}
request_reader::~request_reader() = default;

bool request_reader::in_body() const { return state_->message.has_value(); }

uint64_t request_reader::body_bytes() const { return state_->message ? state_->message->get().body().size() : 0; }

std::string request_reader::take_body() {
  TROUPE_CHECK(state_->message && state_->message->is_done());
  std::string body = std::move(state_->message->get().body());
  state_ = std::make_unique<state>(limits_);
  return body;
}

result<request_reader::progress> request_reader::read(std::string_view input, size_t& consumed) {
  consumed = 0;
  return state_->message ? read_body(input, consumed) : read_head(input, consumed);
}

result<request_reader::progress> request_reader::read_head(std::string_view input, size_t& consumed) {
  head_ = {};
  TROUPE_ASSIGN(size_t length, state_->scanner.scan(input));
  if (length == 0) return progress::need_more;
  auto& message = state_->message.emplace();
  message.header_limit(static_cast<uint32_t>(limits_.header_bytes_max));
  message.body_limit(boost::none);  // The length that the head tells is checked below, with a better message.
  beast::error_code ec;
  consumed = message.put(asio::buffer(input.data(), length), ec);
  if (ec) return malformed(ec.message());
  TROUPE_CHECK(message.is_header_done() && consumed == length);

  const auto& fields = message.get();
  state_->fields = count(fields);
  head_.method = std::string(fields.method_string().data(), fields.method_string().size());
  head_.http_1_0 = fields.version() == 10;
  head_.keep_alive = !head_.http_1_0 && message.keep_alive();
  read_preferences(fields, head_);
  TROUPE_ASSIGN(head_.path, path_of_target({fields.target().data(), fields.target().size()}));
  TROUPE_TRY(check_host(fields, head_.http_1_0));
  TROUPE_TRY(read_framing(fields, head_));
  TROUPE_TRY(read_body_fields(fields, head_));
  if (head_.content_length.value_or(0) > limits_.body_bytes_max) {
    return error{errc::payload_too_large, "the body is announced with " + std::to_string(*head_.content_length) +
                                              " bytes, at most " + std::to_string(limits_.body_bytes_max) +
                                              " are accepted"};
  }
  message.body_limit(limits_.body_bytes_max);
  message.eager(true);
  return progress::head;
}

result<request_reader::progress> request_reader::read_body(std::string_view input, size_t& consumed) {
  auto& message = *state_->message;
  // In pieces of the size that a chunk's head may have: then it is too long in the same way however the bytes arrive.
  while (!message.is_done() && consumed < input.size()) {
    auto piece = input.substr(consumed, limits_.header_bytes_max);
    beast::error_code ec;
    size_t used = message.put(asio::buffer(piece.data(), piece.size()), ec);
    if (ec == http::error::body_limit) {
      return error{errc::payload_too_large,
                   "the body has more than the " + std::to_string(limits_.body_bytes_max) + " bytes that are accepted"};
    }
    if (ec && ec != http::error::need_more) return malformed(ec.message());
    consumed += used;
    if (used > 0) continue;
    if (piece.size() == limits_.header_bytes_max) return malformed("a chunk's head or the trailers are too long");
    break;
  }
  if (!message.is_done()) return progress::need_more;
  if (count(message.get()) != state_->fields) return malformed("trailers are not accepted");
  return progress::request;
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
    int high = hex_digit(target[i + 1]);
    int low = hex_digit(target[i + 2]);
    if (high < 0 || low < 0) return malformed("the target has an invalid escape");
    path += static_cast<char>(high * 16 + low);
    i += 2;
  }
  return path;
}

bool accepts_gzip(std::string_view accept_encoding) {
  bool any = false;
  bool gzip = false;
  bool named = false;
  while (!accept_encoding.empty()) {
    size_t comma = accept_encoding.find(',');
    auto item = accept_encoding.substr(0, comma);
    accept_encoding = comma == std::string_view::npos ? std::string_view() : accept_encoding.substr(comma + 1);
    size_t semicolon = item.find(';');
    auto coding = trimmed(item.substr(0, semicolon));
    bool allowed = true;
    if (semicolon != std::string_view::npos) {
      // q=0, q=0.0, … is a refusal; any other weight will do.
      auto weight = trimmed(item.substr(semicolon + 1));
      if (weight.starts_with("q=") || weight.starts_with("Q=")) {
        allowed = weight.substr(2).find_first_of("123456789") != std::string_view::npos;
      }
    }
    beast::string_view name(coding.data(), coding.size());
    if (beast::iequals(name, "gzip") || beast::iequals(name, "x-gzip")) {
      named = true;
      gzip = allowed;
    } else if (name == "*") {
      any = allowed;
    }
  }
  return named ? gzip : any;
}

}  // namespace troupe
