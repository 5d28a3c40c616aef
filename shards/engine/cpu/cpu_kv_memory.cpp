#include "shards/engine/cpu/cpu_kv_memory.hpp"

#include <algorithm>

#include "shards/engine/step.hpp"

namespace troupe {
namespace {

constexpr size_t round_up_16(size_t n) { return (n + 15) / 16 * 16; }

/// Of one head in one page. At most 2 * 16 * 1024: no product here overflows before page_bytes() is multiplied.
size_t head_floats_of(const kv_shape& shape) {
  return kv_page_positions * (size_t{shape.head_dim} + round_up_16(shape.head_dim));
}

}  // namespace

uint64_t cpu_kv_memory::page_bytes(const kv_shape& shape) {
  return uint64_t{shape.layers} * shape.kv_heads * head_floats_of(shape) * sizeof(float);
}

result<std::unique_ptr<cpu_kv_memory>> cpu_kv_memory::make(const kv_shape& shape) {
  auto kv = std::make_unique<cpu_kv_memory>();
  kv->head_dim_ = shape.head_dim;
  kv->value_stride_ = round_up_16(shape.head_dim);
  kv->value_offset_ = size_t{kv_page_positions} * shape.head_dim;
  kv->head_floats_ = head_floats_of(shape);
  kv->page_floats_ = kv->head_floats_ * shape.kv_heads;
  TROUPE_ASSIGN(kv->layer_floats_, checked_product(kv->page_floats_, shape.pages));
  TROUPE_ASSIGN(const size_t bytes, checked_product(page_bytes(shape), shape.pages));
  TROUPE_ASSIGN(kv->memory_, mapped_memory::make(bytes));
  return kv;
}

void cpu_kv_memory::store(uint32_t layer, uint32_t kv_head, uint32_t page, uint32_t slot, const float* key,
                          const float* value) const {
  float* block = head(layer, kv_head) + page * page_floats_;
  for (uint32_t d = 0; d < head_dim_; ++d) block[size_t{d} * kv_page_positions + slot] = key[d];
  std::copy(value, value + head_dim_, block + value_offset_ + slot * value_stride_);
}

}  // namespace troupe
