// What a rank says over TCP, be it any bytes: it is refused, or it survives being written and read again. The first
// byte says which of the wire's forms it is taken for.
#include "base/check.hpp"
#include "shards/engine/tcp_wire.hpp"

namespace {

constexpr uint64_t floats_max = 5000;

template <size_t Bytes, class Parse>
void there_and_back(std::span<const std::byte> bytes, Parse parse) {
  if (bytes.size() < Bytes) return;
  const auto value = parse(bytes.first<Bytes>());
  if (!value) return;
  const auto again = parse(std::span<const std::byte, Bytes>(troupe::tcp::encode(*value)));
  TROUPE_CHECK(again && *again == *value);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace troupe::tcp;
  if (size == 0) return 0;
  const auto bytes = std::as_bytes(std::span(data, size)).subspan(1);
  switch (data[0] % 4) {
    case 0: there_and_back<hello_bytes>(bytes, [](auto block) { return parse_hello(block); }); break;
    case 1: there_and_back<answer_bytes>(bytes, [](auto block) { return parse_answer(block); }); break;
    default: {
      const auto where = data[0] % 4 == 2 ? channel::data : channel::control;
      there_and_back<frame_head_bytes>(bytes, [&](auto block) {
        auto head = parse_frame(block, where, floats_max);
        TROUPE_CHECK(!head || head->payload_bytes <= troupe::broadcast_bytes_max);
        return head;
      });
    }
  }
  return 0;
}
