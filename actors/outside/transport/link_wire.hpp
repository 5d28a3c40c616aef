// What goes over a link inside TLS, as bytes: first one hello from each end, the dialler's before the acceptor's, then
// frames. Numbers are little-endian. Pure functions, fuzzed: bytes of a peer become values here and nowhere else.
//
//   hello   "TROUPE\r\n", u16 version, u16 oldest version spoken, u16 length of the rest; the rest:
//           u64 incarnation, u32 window frames, u32 window bytes, u32 longest frame, u8 refusal,
//           node, role, cluster (each u8 length, bytes)
//   frame   u32 length of the body, u8 type; the body
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace troupe {

/// The version spoken here. A link speaks the lower of both ends' versions.
inline constexpr uint16_t link_version = 1;
inline constexpr uint16_t link_version_oldest = 1;

/// Why an acceptor will not have the link; its hello says so and is the last that it sends.
enum class link_refusal : uint8_t { none, role, own_name, older, duplicate, limit, stopping };
inline constexpr uint8_t link_refusal_count = 7;
std::string_view name(link_refusal refusal);

struct link_hello {
  uint64_t incarnation = 0;
  /// What the other end may have under way at once; the bytes are at least one longest frame.
  uint32_t window_frames = 0;
  uint32_t window_bytes = 0;
  uint32_t frame_bytes_max = 0;
  link_refusal refusal = link_refusal::none;
  std::string node;
  std::string role;
  std::string cluster;

  friend bool operator==(const link_hello&, const link_hello&) = default;
};

inline constexpr size_t hello_head_bytes = 14;
inline constexpr size_t hello_body_bytes_max = 1024;

/// Names of at most 255 bytes.
std::vector<std::byte> encode_hello(const link_hello& hello);
/// The length of the body that follows. Errors: invalid_argument (not a hello, too long), not_supported (no version in
/// common).
result<size_t> parse_hello_head(std::span<const std::byte, hello_head_bytes> head);
/// `head` has passed parse_hello_head. A later version may add to the end of the body, this one has nothing there.
result<link_hello> parse_hello_body(std::span<const std::byte, hello_head_bytes> head, std::span<const std::byte> body);

enum class frame_type : uint8_t {
  /// Opaque bytes, up to the receiver's longest frame.
  data = 1,
  /// u32 frames, u32 bytes: so much more may be sent.
  credit = 2,
  /// No body: a sign of life.
  ping = 3,
  /// Text of up to 256 bytes that says why; nothing follows.
  goodbye = 4,
};

inline constexpr size_t frame_head_bytes = 5;
inline constexpr size_t goodbye_bytes_max = 256;

struct frame_head {
  uint32_t length = 0;
  frame_type type = frame_type::data;

  friend bool operator==(const frame_head&, const frame_head&) = default;
};

struct link_credit {
  uint32_t frames = 0;
  uint32_t bytes = 0;

  friend bool operator==(const link_credit&, const link_credit&) = default;
};

std::array<std::byte, frame_head_bytes> encode_frame_head(frame_head head);
/// Errors (invalid_argument): an unknown type, a length that the type cannot have.
result<frame_head> parse_frame_head(std::span<const std::byte, frame_head_bytes> bytes, size_t frame_bytes_max);

/// With their heads.
std::vector<std::byte> encode_credit_frame(link_credit credit);
std::vector<std::byte> encode_ping_frame();
/// Text above 256 bytes is cut between two characters.
std::vector<std::byte> encode_goodbye_frame(std::string_view why);

link_credit parse_credit(std::span<const std::byte, 8> body);
/// The text with what is not UTF-8 repaired, for logs.
std::string parse_goodbye(std::span<const std::byte> body);

}  // namespace troupe
