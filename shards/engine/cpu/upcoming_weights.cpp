#include "shards/engine/cpu/upcoming_weights.hpp"

#include <algorithm>

#include "shards/engine/worker_pool.hpp"

namespace troupe {
namespace {

constexpr size_t line_bytes = 64;
constexpr size_t lines_at_once = 8;
/// Of each thread: a part of its second-level cache, and what memory gives in the microseconds of a wait.
constexpr uint64_t fetched_max = 128 << 10;

}  // namespace

void upcoming_weights::begins(const packed_matrix& matrix) {
  const uint8_t* panels = matrix.panel(0);
  const stretch its{panels, static_cast<uint64_t>(matrix.panel(1) - panels), static_cast<uint32_t>(matrix.panels())};
  const stretch& now = known_.try_emplace(panels, its).first->second;
  if (last_ != nullptr) after_[last_] = &now;
  last_ = &now;
  if (const auto next = after_.find(&now); next != after_.end()) next_.store(next->second, std::memory_order_release);
}

/// Of the thread's share.
upcoming_weights::cursor upcoming_weights::beginning(const stretch& of, uint32_t thread) const {
  const worker_pool::range share = worker_pool::share_of(of.count, thread, threads_);
  const uint8_t* at = of.panels + share.begin * of.panel_bytes;
  return {&of, at, at + std::min(share.size() * of.panel_bytes, fetched_max)};
}

bool upcoming_weights::some(uint32_t thread) {
  cursor& mine = cursors_[thread];
  const stretch* next = next_.load(std::memory_order_acquire);
  if (next != mine.of) mine = beginning(*next, thread);
  if (mine.at >= mine.end) return false;
  for (size_t i = 0; i < lines_at_once && mine.at < mine.end; ++i, mine.at += line_bytes)
    __builtin_prefetch(mine.at, 0, 2);
  return true;
}

}  // namespace troupe
