// The bytes of an authenticated but broken peer: whatever they are and however they are cut, the reader gives the same
// frames, and no more of them than the window holds. The first byte says how the rest is cut.
#include <algorithm>
#include <memory>

#include "actors/outside/transport/frame_reader.hpp"
#include "base/check.hpp"

namespace {

using namespace troupe;

constexpr size_t frame_bytes_max = 300;
constexpr link_credit window{4, 600};

struct recorder final : frame_reader::handler {
  std::vector<std::vector<std::byte>> frames;
  std::vector<link_credit> credits;
  std::vector<std::string> goodbyes;
  bool failed = false;

  void on_data(frame_bytes frame) override { frames.push_back(*frame); }
  void on_credit(link_credit credit) override { credits.push_back(credit); }
  void on_goodbye(std::string why) override { goodbyes.push_back(std::move(why)); }
  friend bool operator==(const recorder& a, const recorder& b) {
    return a.frames == b.frames && a.credits == b.credits && a.goodbyes == b.goodbyes && a.failed == b.failed;
  }
};

/// On the heap and of exactly that size, so that a sanitizer sees a read past the end.
recorder read(std::span<const std::byte> bytes, size_t piece) {
  recorder got;
  frame_reader reader(frame_bytes_max, window);
  while (!bytes.empty() && !got.failed) {
    std::vector<std::byte> part(bytes.begin(),
                                bytes.begin() + static_cast<std::ptrdiff_t>(std::min(piece, bytes.size())));
    bytes = bytes.subspan(part.size());
    got.failed = !reader.feed(part, got);
  }
  return got;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 1) return 0;
  auto bytes = std::as_bytes(std::span(data + 1, size - 1));
  auto whole = read(bytes, bytes.size() + 1);
  TROUPE_CHECK(read(bytes, size_t{data[0]} + 1) == whole);
  TROUPE_CHECK(whole.frames.size() <= window.frames);
  TROUPE_CHECK(whole.goodbyes.size() <= 1);
  size_t total = 0;
  for (const auto& frame : whole.frames) total += frame.size();
  TROUPE_CHECK(total <= window.bytes);
  return 0;
}
