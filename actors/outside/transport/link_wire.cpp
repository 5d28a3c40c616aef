#include "actors/outside/transport/link_wire.hpp"

#include <algorithm>
#include <cstring>
#include <type_traits>

#include "base/check.hpp"
#include "base/utf8.hpp"

namespace troupe {
namespace {

// The end of line catches peers that speak a text protocol, or through one.
constexpr std::string_view magic = "TROUPE\r\n";

constexpr std::array<std::string_view, link_refusal_count> refusal_names{"none",      "role",  "own_name", "older",
                                                                         "duplicate", "limit", "stopping"};

template <class Number>
void append(std::vector<std::byte>& out, Number number) {
  for (size_t i = 0; i < sizeof number; ++i) out.push_back(static_cast<std::byte>((number >> (8 * i)) & 0xFF));
}

void append_text(std::vector<std::byte>& out, std::string_view text) {
  auto bytes = std::as_bytes(std::span(text));
  out.insert(out.end(), bytes.begin(), bytes.end());
}

void append_name(std::vector<std::byte>& out, std::string_view text) {
  TROUPE_CHECK(text.size() <= 255);
  append(out, static_cast<uint8_t>(text.size()));
  append_text(out, text);
}

/// Takes values off the front of bytes; past the end it gives zeros and remembers.
class byte_reader {
 public:
  explicit byte_reader(std::span<const std::byte> bytes) : bytes_(bytes) {}

  template <class Number>
  Number number() {
    auto from = take(sizeof(Number));
    uint64_t value = 0;
    for (size_t i = 0; i < from.size(); ++i) value |= std::to_integer<uint64_t>(from[i]) << (8 * i);
    return static_cast<Number>(value);
  }
  std::string name() {
    auto from = take(number<uint8_t>());
    return {reinterpret_cast<const char*>(from.data()), from.size()};
  }
  bool whole() const { return whole_; }
  size_t left() const { return bytes_.size(); }

 private:
  std::span<const std::byte> take(size_t count) {
    if (count > bytes_.size()) {
      whole_ = false;
      return {};
    }
    auto front = bytes_.first(count);
    bytes_ = bytes_.subspan(count);
    return front;
  }

  std::span<const std::byte> bytes_;
  bool whole_ = true;
};

std::vector<std::byte> frame_of(frame_type type, size_t length) {
  auto head = encode_frame_head({static_cast<uint32_t>(length), type});
  std::vector<std::byte> frame(head.begin(), head.end());
  frame.reserve(frame_head_bytes + length);
  return frame;
}

}  // namespace

std::string_view name(link_refusal refusal) { return refusal_names[static_cast<size_t>(refusal)]; }

std::vector<std::byte> encode_hello(const link_hello& hello) {
  std::vector<std::byte> body;
  append(body, hello.incarnation);
  append(body, hello.window_frames);
  append(body, hello.window_bytes);
  append(body, hello.frame_bytes_max);
  append(body, static_cast<uint8_t>(hello.refusal));
  append_name(body, hello.node);
  append_name(body, hello.role);
  append_name(body, hello.cluster);

  std::vector<std::byte> out;
  append_text(out, magic);
  append(out, link_version);
  append(out, link_version_oldest);
  append(out, static_cast<uint16_t>(body.size()));
  out.insert(out.end(), body.begin(), body.end());
  return out;
}

result<size_t> parse_hello_head(std::span<const std::byte, hello_head_bytes> head) {
  if (std::memcmp(head.data(), magic.data(), magic.size()) != 0) {
    return {errc::invalid_argument, "the peer's first bytes are not a greeting"};
  }
  byte_reader in(head.subspan(magic.size()));
  auto version = in.number<uint16_t>(), oldest = in.number<uint16_t>(), length = in.number<uint16_t>();
  if (oldest > version) return {errc::invalid_argument, "the greeting's versions are the wrong way round"};
  if (version < link_version_oldest || oldest > link_version) {
    return {errc::not_supported, "the peer speaks versions " + std::to_string(oldest) + " to " +
                                     std::to_string(version) + " of the link protocol, this node " +
                                     std::to_string(link_version_oldest) + " to " + std::to_string(link_version)};
  }
  if (length > hello_body_bytes_max) return {errc::invalid_argument, "the greeting is too long"};
  return size_t{length};
}

result<link_hello> parse_hello_body(std::span<const std::byte, hello_head_bytes> head,
                                    std::span<const std::byte> body) {
  byte_reader in(body);
  link_hello hello;
  hello.incarnation = in.number<uint64_t>();
  hello.window_frames = in.number<uint32_t>();
  hello.window_bytes = in.number<uint32_t>();
  hello.frame_bytes_max = in.number<uint32_t>();
  auto refusal = in.number<uint8_t>();
  hello.node = in.name();
  hello.role = in.name();
  hello.cluster = in.name();
  if (!in.whole()) return {errc::invalid_argument, "the greeting is cut short"};
  bool later = byte_reader(head.subspan(magic.size())).number<uint16_t>() > link_version;
  if (in.left() > 0 && !later) return {errc::invalid_argument, "the greeting has something after its end"};
  if (refusal >= link_refusal_count) {
    // A later version may have another reason; that it refuses is what counts.
    if (!later) return {errc::invalid_argument, "the greeting refuses for no known reason"};
    refusal = static_cast<uint8_t>(link_refusal::stopping);
  }
  hello.refusal = static_cast<link_refusal>(refusal);
  if (hello.window_frames == 0 || hello.frame_bytes_max == 0 || hello.window_bytes < hello.frame_bytes_max) {
    return {errc::invalid_argument, "the greeting's window does not hold one frame"};
  }
  return hello;
}

std::array<std::byte, frame_head_bytes> encode_frame_head(frame_head head) {
  std::array<std::byte, frame_head_bytes> out{};
  for (size_t i = 0; i < 4; ++i) out[i] = static_cast<std::byte>((head.length >> (8 * i)) & 0xFF);
  out[4] = static_cast<std::byte>(head.type);
  return out;
}

result<frame_head> parse_frame_head(std::span<const std::byte, frame_head_bytes> bytes, size_t frame_bytes_max) {
  byte_reader in(bytes);
  auto length = in.number<uint32_t>();
  auto type = in.number<uint8_t>();
  bool fits = false;
  switch (static_cast<frame_type>(type)) {
    case frame_type::data: fits = length <= frame_bytes_max; break;
    case frame_type::credit: fits = length == 8; break;
    case frame_type::ping: fits = length == 0; break;
    case frame_type::goodbye: fits = length <= goodbye_bytes_max; break;
    default: return {errc::invalid_argument, "a frame of unknown type " + std::to_string(type)};
  }
  if (!fits) {
    return {errc::invalid_argument,
            "a frame of type " + std::to_string(type) + " of " + std::to_string(length) + " bytes"};
  }
  return frame_head{length, static_cast<frame_type>(type)};
}

std::vector<std::byte> encode_credit_frame(link_credit credit) {
  auto frame = frame_of(frame_type::credit, 8);
  append(frame, credit.frames);
  append(frame, credit.bytes);
  return frame;
}

std::vector<std::byte> encode_ping_frame() { return frame_of(frame_type::ping, 0); }

std::vector<std::byte> encode_goodbye_frame(std::string_view why) {
  std::string text = utf8_repaired(why.substr(0, goodbye_bytes_max));
  text.resize(std::min(text.size(), goodbye_bytes_max));
  text.resize(text.size() - utf8_incomplete_tail(text));
  auto frame = frame_of(frame_type::goodbye, text.size());
  append_text(frame, text);
  return frame;
}

link_credit parse_credit(std::span<const std::byte, 8> body) {
  byte_reader in(body);
  auto frames = in.number<uint32_t>(), bytes = in.number<uint32_t>();
  return {frames, bytes};
}

std::string parse_goodbye(std::span<const std::byte> body) {
  return utf8_repaired({reinterpret_cast<const char*>(body.data()), body.size()});
}

}  // namespace troupe
