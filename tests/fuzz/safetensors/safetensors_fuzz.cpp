// One safetensors file in memory. Whatever is accepted must be readable to its last element. Each input is looked at
// twice: as it is, and with a length of the header that fits its text, which a mutation of the text alone never has.
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

#include "base/check.hpp"
#include "shards/model/safetensors.hpp"

namespace {

constexpr size_t length_bytes = 8;

void check(std::span<const std::byte> file) {
  auto tensors = troupe::parse_safetensors(file);
  if (!tensors) {
    TROUPE_CHECK(!tensors.err().detail.empty());
    return;
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
  TROUPE_CHECK(bytes == file.size());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto file = std::as_bytes(std::span(data, size));
  check(file);
  const size_t brace = std::string_view(reinterpret_cast<const char*>(data), size).rfind('}');
  if (brace == std::string_view::npos || brace < length_bytes) return 0;
  std::vector<std::byte> fitting(file.begin(), file.end());
  const uint64_t length = brace + 1 - length_bytes;
  std::memcpy(fitting.data(), &length, sizeof length);
  check(fitting);
  return 0;
}
