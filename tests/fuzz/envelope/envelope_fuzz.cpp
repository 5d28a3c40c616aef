// Frames from another node: decode() must refuse or give an envelope that encodes again to an equal one.
#include "schemas/envelope_codec.hpp"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace troupe;
  auto first = decode(std::as_bytes(std::span(data, size)));
  if (!first) return 0;
  auto second = decode(encode(*first));
  TROUPE_CHECK(second.has_value());
  TROUPE_CHECK(*second == *first);
  return 0;
}
