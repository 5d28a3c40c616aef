#include "shards/engine/tcp_wire.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

namespace troupe::tcp {
namespace {

// The floats of collectives are sent as they lie in memory.
static_assert(std::endian::native == std::endian::little);

constexpr std::array<char, 8> mark_of_greeting = {'T', 'R', 'O', 'U', 'P', 'E', 'c', '\n'};
constexpr uint32_t mark_of_frame = 0x4d'52'46'54;  // "TFRM"

class writer {
 public:
  explicit writer(std::span<std::byte> to) : to_(to) {}
  template <class T>
  writer& put(const T& value) {
    std::memcpy(to_.data(), &value, sizeof(value));
    to_ = to_.subspan(sizeof(value));
    return *this;
  }

 private:
  std::span<std::byte> to_;
};

class reader {
 public:
  explicit reader(std::span<const std::byte> from) : from_(from) {}
  template <class T>
  T get() {
    T value;
    std::memcpy(&value, from_.data(), sizeof(value));
    from_ = from_.subspan(sizeof(value));
    return value;
  }

 private:
  std::span<const std::byte> from_;
};

/// The beginning of hello and answer.
result<void> read_greeting(reader& from) {
  if (from.get<std::array<char, 8>>() != mark_of_greeting)
    return error{errc::corrupt, "what came is no greeting of a rank"};
  const auto version = from.get<uint32_t>();
  if (version == wire_version) return {};
  return error{errc::not_supported, "it speaks version " + std::to_string(version) + " of the collectives, not " +
                                        std::to_string(wire_version)};
}

/// In the same time whatever they have in common.
bool same_secret(const identity& a, const identity& b) {
  std::byte different{0};
  for (size_t i = 0; i < a.secret.size(); ++i) different |= a.secret[i] ^ b.secret[i];
  return different == std::byte{0};
}

std::string group_text(const identity& group) {
  return "generation " + std::to_string(group.generation) + " (" + std::to_string(group.size) + " ranks, " +
         std::to_string(group.floats_max) + " floats)";
}

}  // namespace

hello_block encode(const hello& value) {
  hello_block bytes;
  writer(bytes)
      .put(mark_of_greeting)
      .put(wire_version)
      .put(static_cast<uint32_t>(value.channel))
      .put(value.rank)
      .put(value.wanted)
      .put(value.group.size)
      .put(uint32_t{0})
      .put(value.group.generation)
      .put(value.group.floats_max)
      .put(value.group.secret);
  return bytes;
}

result<hello> parse_hello(std::span<const std::byte, hello_bytes> bytes) {
  reader from(bytes);
  TROUPE_TRY(read_greeting(from));
  hello value;
  const auto where = from.get<uint32_t>();
  value.channel = where == 0 ? channel::data : channel::control;
  value.rank = from.get<uint32_t>();
  value.wanted = from.get<uint32_t>();
  value.group.size = from.get<uint32_t>();
  const auto zero = from.get<uint32_t>();
  value.group.generation = from.get<uint64_t>();
  value.group.floats_max = from.get<uint64_t>();
  value.group.secret = from.get<std::array<std::byte, 16>>();
  if (where > 1 || zero != 0) return error{errc::corrupt, "what came is no greeting of a rank"};
  return value;
}

result<void> check_hello(const hello& theirs, uint32_t rank, const identity& group) {
  if (!same_secret(theirs.group, group)) return error{errc::conflict, "it does not know this group's secret"};
  if (theirs.group != group) {
    return error{errc::conflict, rank_text(theirs.rank) + " is of " + group_text(theirs.group) + " but " +
                                     rank_text(rank) + " is of " + group_text(group)};
  }
  if (theirs.wanted != rank)
    return error{errc::conflict, "this is " + rank_text(rank) + ", not " + rank_text(theirs.wanted)};
  if (theirs.rank > rank && theirs.rank < group.size) return {};
  return error{errc::conflict, rank_text(theirs.rank) + " has no business with " + rank_text(rank) + " of " +
                                   std::to_string(group.size)};
}

answer_block encode(const answer& value) {
  answer_block bytes;
  writer(bytes)
      .put(mark_of_greeting)
      .put(wire_version)
      .put(value.rank)
      .put(uint32_t{value.welcome ? 0U : 1U})
      .put(value.text_bytes);
  return bytes;
}

result<answer> parse_answer(std::span<const std::byte, answer_bytes> bytes) {
  reader from(bytes);
  TROUPE_TRY(read_greeting(from));
  answer value;
  value.rank = from.get<uint32_t>();
  const auto verdict = from.get<uint32_t>();
  value.welcome = verdict == 0;
  value.text_bytes = from.get<uint32_t>();
  if (verdict > 1 || value.text_bytes > text_bytes_max || (value.welcome && value.text_bytes != 0))
    return error{errc::corrupt, "what came is no answer of a rank"};
  return value;
}

frame_kind kind_of(call_kind kind) { return static_cast<frame_kind>(kind); }

collective_call call_of(const frame_head& head) { return {static_cast<call_kind>(head.kind), head.size}; }

frame_block encode(const frame_head& value) {
  frame_block bytes;
  writer(bytes)
      .put(mark_of_frame)
      .put(static_cast<uint32_t>(value.kind))
      .put(value.number)
      .put(value.size)
      .put(value.payload_bytes);
  return bytes;
}

result<frame_head> parse_frame(std::span<const std::byte, frame_head_bytes> bytes, channel where, uint64_t floats_max) {
  reader from(bytes);
  const error corrupt{errc::corrupt, "what came is no frame"};
  if (from.get<uint32_t>() != mark_of_frame) return corrupt;
  const auto kind = from.get<uint32_t>();
  if (kind < static_cast<uint32_t>(frame_kind::all_reduce) || kind > static_cast<uint32_t>(frame_kind::goodbye))
    return corrupt;
  frame_head head;
  head.kind = static_cast<frame_kind>(kind);
  head.number = from.get<uint64_t>();
  head.size = from.get<uint64_t>();
  head.payload_bytes = from.get<uint64_t>();
  if ((where == channel::control) != (head.kind >= frame_kind::abort)) return corrupt;

  const uint64_t floats = std::max<uint64_t>(floats_max, agreed_floats);
  switch (head.kind) {
    case frame_kind::all_reduce:
    case frame_kind::all_gather:
      if (head.size > floats || head.payload_bytes > head.size * sizeof(float)) return corrupt;
      break;
    case frame_kind::broadcast:
      if (head.size > broadcast_bytes_max || head.payload_bytes != head.size) return corrupt;
      break;
    case frame_kind::abort:
      if (head.payload_bytes > text_bytes_max || head.size > collective_ranks_max) return corrupt;
      break;
    case frame_kind::barrier:
    case frame_kind::goodbye:
      if (head.payload_bytes != 0) return corrupt;
      break;
  }
  return head;
}

}  // namespace troupe::tcp
