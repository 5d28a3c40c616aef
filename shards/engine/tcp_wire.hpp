// What goes between two ranks over TCP, as bytes. Each pair has two connections: `data` carries the collectives,
// `control` what must not wait behind half a message: an abort, a goodbye. Numbers and floats are little-endian. Pure
// functions, fuzzed: bytes of a peer become values here and nowhere else.
//
//   hello    on each connection, from the rank that connects:
//            "TROUPEc\n", u32 version, u32 channel, u32 rank, u32 rank that it wants, u32 ranks, u32 zero,
//            u64 generation, u64 longest collective in floats, 16 bytes of the group's secret
//   answer   "TROUPEc\n", u32 version, u32 rank, u32 verdict (0: welcome), u32 length of the text; the text
//   frame    u32 mark, u32 kind, u64 number, u64 size, u64 length of the payload; the payload
//            a collective's kind and size are its collective_call; of an abort the payload is the reason and
//            `size` who gave it, plus 1 (0: the sender); of a goodbye `number` is that of the first exchange that the
//            rank has not done
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "base/result.hpp"
#include "shards/engine/collective_call.hpp"

namespace troupe::tcp {

inline constexpr uint32_t wire_version = 1;

enum class channel : uint32_t { data, control };

/// Which group this is. Random and told only to its ranks, the secret keeps out strangers, and groups of another
/// cluster; not those who can read the network.
struct identity {
  uint64_t generation = 0;
  uint64_t floats_max = 0;
  uint32_t size = 0;
  std::array<std::byte, 16> secret{};

  friend bool operator==(const identity&, const identity&) = default;
};

struct hello {
  tcp::channel channel = channel::data;
  uint32_t rank = 0;
  /// Whom the sender means to have reached.
  uint32_t wanted = 0;
  identity group;

  friend bool operator==(const hello&, const hello&) = default;
};

inline constexpr size_t hello_bytes = 64;
using hello_block = std::array<std::byte, hello_bytes>;
hello_block encode(const hello& value);
/// Errors: corrupt (not a hello), not_supported (another version).
result<hello> parse_hello(std::span<const std::byte, hello_bytes> bytes);
/// Fails with `conflict` unless `theirs` wants `rank` of this group, from a higher rank of it.
result<void> check_hello(const hello& theirs, uint32_t rank, const identity& group);

inline constexpr size_t answer_bytes = 24;
inline constexpr size_t text_bytes_max = 512;
using answer_block = std::array<std::byte, answer_bytes>;
struct answer {
  uint32_t rank = 0;
  bool welcome = true;
  /// Why not; follows. At most text_bytes_max.
  uint32_t text_bytes = 0;

  friend bool operator==(const answer&, const answer&) = default;
};
answer_block encode(const answer& value);
/// Errors: corrupt, not_supported.
result<answer> parse_answer(std::span<const std::byte, answer_bytes> bytes);

/// The first are those of call_kind, and travel on the data channel; the rest on control.
enum class frame_kind : uint32_t { all_reduce = 1, all_gather, broadcast, barrier, abort, goodbye };
frame_kind kind_of(call_kind kind);

struct frame_head {
  frame_kind kind = frame_kind::barrier;
  uint64_t number = 0;
  uint64_t size = 0;
  uint64_t payload_bytes = 0;

  friend bool operator==(const frame_head&, const frame_head&) = default;
};
inline constexpr size_t frame_head_bytes = 32;
using frame_block = std::array<std::byte, frame_head_bytes>;
frame_block encode(const frame_head& value);
/// Errors: corrupt (not a frame; of the other channel; longer than any frame of its kind).
result<frame_head> parse_frame(std::span<const std::byte, frame_head_bytes> bytes, channel where, uint64_t floats_max);
/// The call that a data frame says its sender is in.
collective_call call_of(const frame_head& head);

}  // namespace troupe::tcp
