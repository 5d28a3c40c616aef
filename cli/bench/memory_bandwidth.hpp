// How fast this machine's memory can be read: what decoding one stream is bound by.
#pragma once

#include <memory>

#include "base/result.hpp"
#include "shards/engine/mapped_memory.hpp"
#include "shards/engine/worker_pool.hpp"

namespace troupe {

class memory_bandwidth {
 public:
  /// With so many threads. Takes 1 GiB: more than caches hold. Errors: out_of_memory.
  static result<std::unique_ptr<memory_bandwidth>> make(uint32_t threads);
  /// Bytes per second of one pass through all of it, in order.
  double measure();

 private:
  memory_bandwidth(uint32_t threads, mapped_memory memory) : pool_(threads), memory_(std::move(memory)) {}

  worker_pool pool_;
  mapped_memory memory_;
};

}  // namespace troupe
