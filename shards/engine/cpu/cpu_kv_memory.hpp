// Keys and values on the CPU: [layer][page][kv head]{ keys [head_dim][16], values [16][head_dim rounded up to 16] },
// f32. Sixteen keys of one dimension lie side by side, so that a vector holds sixteen positions and each score is one
// chain.
#pragma once

#include <cstdint>
#include <memory>

#include "shards/engine/backend.hpp"
#include "shards/engine/mapped_memory.hpp"

namespace troupe {

class cpu_kv_memory final : public kv_memory {
 public:
  /// Errors: out_of_memory.
  static result<std::unique_ptr<cpu_kv_memory>> make(const kv_shape& shape);
  /// What one page of all layers takes.
  static uint64_t page_bytes(const kv_shape& shape);

  size_t value_stride() const { return value_stride_; }
  size_t value_offset() const { return value_offset_; }
  /// Floats from one page of a layer to the next.
  size_t page_floats() const { return page_floats_; }
  /// A head's part of page 0 of a layer.
  float* head(uint32_t layer, uint32_t kv_head) const {
    return static_cast<float*>(memory_.data()) + layer * layer_floats_ + kv_head * head_floats_;
  }

  /// Stores one position's key and value of one head.   key, value: (head_dim).
  void store(uint32_t layer, uint32_t kv_head, uint32_t page, uint32_t slot, const float* key,
             const float* value) const;

 private:
  uint32_t head_dim_ = 0;
  size_t value_stride_ = 0, value_offset_ = 0, head_floats_ = 0, page_floats_ = 0, layer_floats_ = 0;
  mapped_memory memory_;
};

}  // namespace troupe
