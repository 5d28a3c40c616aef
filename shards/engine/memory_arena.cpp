#include "shards/engine/memory_arena.hpp"

#include <algorithm>

namespace troupe {
namespace {

/// What is never touched of it costs addresses alone.
constexpr size_t chunk_bytes = size_t{256} << 20;
constexpr size_t alignment = 64;

}  // namespace

result<void*> memory_arena::take(size_t bytes) {
  if (chunks_.empty() || chunks_.back().bytes() - used_ < bytes) {
    TROUPE_ASSIGN(mapped_memory chunk, mapped_memory::make(std::max(bytes, chunk_bytes)));
    chunks_.push_back(std::move(chunk));
    used_ = 0;
  }
  mapped_memory& chunk = chunks_.back();
  void* taken = static_cast<char*>(chunk.data()) + used_;
  used_ = std::min(chunk.bytes(), (used_ + bytes + alignment - 1) / alignment * alignment);
  return taken;
}

}  // namespace troupe
