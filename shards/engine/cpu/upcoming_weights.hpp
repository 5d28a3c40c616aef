// The weights that come after those of the product that runs. Threads that wait, for each other or for other ranks,
// bring the beginning of them into their caches: memory, which bounds the speed of small batches, is not idle between
// two products.
#pragma once

#include <atomic>
#include <cstdint>
#include <unordered_map>
#include <vector>

#include "shards/engine/cpu/packed_matrix.hpp"
#include "shards/engine/idle_work.hpp"

namespace troupe {

class upcoming_weights final : public idle_work {
 public:
  explicit upcoming_weights(uint32_t threads) : threads_(threads), cursors_(threads) {}

  /// The product with this matrix begins: what came after it the last time is what will come. The thread that uses the
  /// pool.
  void begins(const packed_matrix& matrix);
  bool some(uint32_t thread) override;

 private:
  /// A matrix's panels. Never changed, for threads read it at any time; where the matrix is gone, its address is
  /// nobody's, and to fetch that does nothing.
  struct stretch {
    const uint8_t* panels = nullptr;
    uint64_t panel_bytes = 0;
    uint32_t count = 0;
  };
  /// How far one thread is.
  struct alignas(64) cursor {
    const stretch* of = nullptr;
    const uint8_t* at = nullptr;
    const uint8_t* end = nullptr;
  };
  cursor beginning(const stretch& of, uint32_t thread) const;

  const uint32_t threads_;
  /// By the address of their panels.
  std::unordered_map<const uint8_t*, stretch> known_;
  std::unordered_map<const stretch*, const stretch*> after_;
  const stretch* last_ = nullptr;
  std::atomic<const stretch*> next_{nullptr};
  std::vector<cursor> cursors_;
};

}  // namespace troupe
