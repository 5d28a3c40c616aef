// Keys and values on the CPU: [page][layer][kv head]{ keys [head_dim][16], values [16][head_dim rounded up to 16] },
// f32 or bf16. Sixteen keys of one dimension lie side by side, so that a vector holds sixteen positions and each score
// is one chain. A page has all layers side by side: a step that begins one touches little memory for the first time.
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

  bool bf16() const { return bf16_; }
  size_t value_stride() const { return value_stride_; }
  size_t value_offset() const { return value_offset_; }
  /// Elements from one page to the next.
  size_t page_elements() const { return page_elements_; }
  /// A head's part of page 0 of a layer.
  void* head(uint32_t layer, uint32_t kv_head) const {
    return static_cast<std::byte*>(memory_.data()) +
           (layer * layer_elements_ + kv_head * head_elements_) * (bf16_ ? sizeof(uint16_t) : sizeof(float));
  }

  /// Stores one position's key and value of one head, rounded to the nearest bf16 where that is what is kept.
  ///   key, value: (head_dim).
  void store(uint32_t layer, uint32_t kv_head, uint32_t page, uint32_t slot, const float* key,
             const float* value) const;

 private:
  bool bf16_ = false;
  uint32_t head_dim_ = 0;
  size_t value_stride_ = 0, value_offset_ = 0, head_elements_ = 0, page_elements_ = 0, layer_elements_ = 0;
  mapped_memory memory_;
};

}  // namespace troupe
