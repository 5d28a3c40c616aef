#include "shards/engine/collective_call.hpp"

#include <algorithm>
#include <cstring>

#include "base/check.hpp"

namespace troupe {
namespace {

constexpr size_t agreed_text_max = agreed_floats * sizeof(float) - sizeof(uint32_t);

std::string call_text(const collective_call& call) {
  switch (call.kind) {
    case call_kind::all_reduce: return "a sum of " + std::to_string(call.size) + " floats";
    case call_kind::all_gather: return "a gathering of " + std::to_string(call.size) + " floats";
    case call_kind::broadcast: return "a broadcast";
    case call_kind::barrier: return "a barrier";
    case call_kind::none: break;
  }
  return "no collective";
}

}  // namespace

std::string rank_text(uint32_t rank) { return "rank " + std::to_string(rank); }

error different_calls(uint32_t rank, const collective_call& ours, uint32_t peer, const collective_call& theirs) {
  return {errc::internal,
          rank_text(rank) + " is in " + call_text(ours) + " while " + rank_text(peer) + " is in " + call_text(theirs)};
}

result<void> check_ranks(uint32_t rank, uint32_t size) {
  if (size != 1 && size != 2 && size != 4 && size != 8)
    return error{errc::invalid_argument, "a group has 1, 2, 4 or 8 ranks, not " + std::to_string(size)};
  if (rank < size) return {};
  return error{errc::invalid_argument, rank_text(rank) + " is not below the group's size, " + std::to_string(size)};
}

result<void> check_broadcast(size_t bytes) {
  if (bytes <= broadcast_bytes_max) return {};
  return error{errc::payload_too_large,
               "a broadcast of " + std::to_string(bytes) + " bytes; at most " + std::to_string(broadcast_bytes_max)};
}

void add_in_tree(std::span<const float* const> from, size_t floats, float* out) {
  switch (from.size()) {
    case 1: std::copy_n(from[0], floats, out); return;
    case 2:
      for (size_t i = 0; i < floats; ++i) out[i] = from[0][i] + from[1][i];
      return;
    case 4:
      for (size_t i = 0; i < floats; ++i) out[i] = (from[0][i] + from[1][i]) + (from[2][i] + from[3][i]);
      return;
    default: break;
  }
  TROUPE_CHECK(from.size() == 8);
  for (size_t i = 0; i < floats; ++i) {
    out[i] = ((from[0][i] + from[1][i]) + (from[2][i] + from[3][i])) +
             ((from[4][i] + from[5][i]) + (from[6][i] + from[7][i]));
  }
}

result<void> write_agreed(std::string_view what, std::string_view text, std::span<float> part) {
  if (text.size() > agreed_text_max)
    return error{errc::invalid_argument, "the text of " + std::string(what) + " is too long to agree on"};
  const auto length = static_cast<uint32_t>(text.size());
  const std::span<std::byte> bytes = std::as_writable_bytes(part);
  std::memcpy(bytes.data(), &length, sizeof(length));
  std::memcpy(bytes.data() + sizeof(length), text.data(), text.size());
  return {};
}

result<void> compare_agreed(std::string_view what, std::string_view text, uint32_t rank,
                            std::span<const std::span<const float>> parts) {
  for (uint32_t peer = 0; peer < parts.size(); ++peer) {
    const std::span<const std::byte> bytes = std::as_bytes(parts[peer]);
    uint32_t length = 0;
    std::memcpy(&length, bytes.data(), sizeof(length));
    const auto* first = reinterpret_cast<const char*>(bytes.data() + sizeof(length));
    const std::string_view theirs(first, std::min<size_t>(length, agreed_text_max));
    if (theirs == text) continue;
    return error{errc::conflict, rank_text(rank) + " and " + rank_text(peer) + " do not agree on " + std::string(what) +
                                     ": \"" + std::string(text) + "\" and \"" + std::string(theirs) + "\""};
  }
  return {};
}

}  // namespace troupe
