#include "shards/engine/cpu/cpu_kv_memory.hpp"

#include "shards/engine/step.hpp"
#include "shards/model/tensor.hpp"

namespace troupe {
namespace {

constexpr size_t round_up_16(size_t n) { return (n + 15) / 16 * 16; }

/// Of one head in one page. At most 2 * 16 * 1024: no product here overflows before page_bytes() is multiplied.
size_t head_elements_of(const kv_shape& shape) {
  return kv_page_positions * (size_t{shape.head_dim} + round_up_16(shape.head_dim));
}

void put(float* to, float value) { *to = value; }
void put(uint16_t* to, float value) { *to = f32_to_bf16(value); }

template <class Element>
void store_in(Element* block, uint32_t head_dim, size_t value_at, uint32_t slot, const float* key, const float* value) {
  for (uint32_t d = 0; d < head_dim; ++d) put(block + size_t{d} * kv_page_positions + slot, key[d]);
  for (uint32_t d = 0; d < head_dim; ++d) put(block + value_at + d, value[d]);
}

}  // namespace

uint64_t cpu_kv_memory::page_bytes(const kv_shape& shape) {
  const size_t element = shape.bf16 ? sizeof(uint16_t) : sizeof(float);
  return uint64_t{shape.layers} * shape.kv_heads * head_elements_of(shape) * element;
}

result<std::unique_ptr<cpu_kv_memory>> cpu_kv_memory::make(const kv_shape& shape) {
  auto kv = std::make_unique<cpu_kv_memory>();
  kv->bf16_ = shape.bf16;
  kv->head_dim_ = shape.head_dim;
  kv->value_stride_ = round_up_16(shape.head_dim);
  kv->value_offset_ = size_t{kv_page_positions} * shape.head_dim;
  kv->head_elements_ = head_elements_of(shape);
  kv->layer_elements_ = kv->head_elements_ * shape.kv_heads;
  TROUPE_ASSIGN(kv->page_elements_, checked_product(kv->layer_elements_, shape.layers));
  TROUPE_ASSIGN(const size_t bytes, checked_product(page_bytes(shape), shape.pages));
  TROUPE_ASSIGN(kv->memory_, mapped_memory::make(bytes));
  return kv;
}

void cpu_kv_memory::store(uint32_t layer, uint32_t kv_head, uint32_t page, uint32_t slot, const float* key,
                          const float* value) const {
  const size_t at = page * page_elements_;
  const size_t value_at = value_offset_ + slot * value_stride_;
  if (bf16_) {
    store_in(static_cast<uint16_t*>(head(layer, kv_head)) + at, head_dim_, value_at, slot, key, value);
  } else {
    store_in(static_cast<float*>(head(layer, kv_head)) + at, head_dim_, value_at, slot, key, value);
  }
}

}  // namespace troupe
