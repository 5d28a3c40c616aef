// Memory for many things that live as long as each other: they lie side by side, so that all but the last end of them
// are in huge pages, whatever their sizes.
#pragma once

#include <cstddef>
#include <vector>

#include "base/result.hpp"
#include "shards/engine/mapped_memory.hpp"

namespace troupe {

class memory_arena {
 public:
  /// Zeroed, aligned to 64 bytes; lives as long as the arena. Errors: out_of_memory.
  result<void*> take(size_t bytes);

 private:
  std::vector<mapped_memory> chunks_;
  /// Of the last chunk.
  size_t used_ = 0;
};

}  // namespace troupe
