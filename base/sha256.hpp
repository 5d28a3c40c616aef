// SHA-256 over a list of things: each text goes in with its length, so that moving a byte from one to the next changes
// the digest.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

namespace troupe {

using sha256_digest = std::array<uint8_t, 32>;

/// One thread.
class sha256 {
 public:
  sha256();
  ~sha256();
  sha256(const sha256&) = delete;
  sha256& operator=(const sha256&) = delete;

  void add(std::span<const std::byte> bytes);
  void add(std::string_view text) { add(std::as_bytes(std::span(text))); }
  /// Its eight bytes, the least significant first; without a length.
  void add_number(uint64_t number);
  /// Once, at the end.
  sha256_digest digest();

 private:
  struct state;
  std::unique_ptr<state> state_;
};

}  // namespace troupe
