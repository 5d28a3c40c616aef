// One safetensors file in memory. Whatever is accepted must be readable to its last element.
#include <cstdint>
#include <span>

#include "base/check.hpp"
#include "shards/model/safetensors.hpp"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto file = std::as_bytes(std::span(data, size));
  auto tensors = troupe::parse_safetensors(file);
  if (!tensors) {
    TROUPE_CHECK(!tensors.err().detail.empty());
    return 0;
  }
  uint64_t bytes = troupe::safetensors_header_bytes(file);
  for (const auto& tensor : *tensors) {
    bytes += tensor.data.size();
    uint64_t elements = 1;
    for (uint64_t length : tensor.shape) elements *= length;
    TROUPE_CHECK(elements == tensor.elements());
    if (!troupe::is_weight(tensor.type)) continue;
    std::vector<float> values(elements);
    troupe::read_f32(tensor, 0, values);
  }
  TROUPE_CHECK(bytes == size);
  return 0;
}
