// A hello of an authenticated but broken peer: it is refused, or it survives being written and read again.
#include <algorithm>

#include "actors/outside/transport/link_wire.hpp"
#include "base/check.hpp"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace troupe;
  auto bytes = std::as_bytes(std::span(data, size));
  if (bytes.size() < hello_head_bytes) return 0;
  auto head = bytes.first<hello_head_bytes>();
  auto length = parse_hello_head(head);
  if (!length) return 0;
  TROUPE_CHECK(*length <= hello_body_bytes_max);
  auto body = bytes.subspan(hello_head_bytes);
  auto hello = parse_hello_body(head, body.first(std::min(*length, body.size())));
  if (!hello) return 0;
  auto again = encode_hello(*hello);
  auto second = std::span<const std::byte>(again);
  auto parsed = parse_hello_body(second.first<hello_head_bytes>(), second.subspan(hello_head_bytes));
  TROUPE_CHECK(parsed && *parsed == *hello);
  return 0;
}
