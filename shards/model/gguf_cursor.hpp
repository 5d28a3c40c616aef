// Reading a GGUF header from its first byte to its last: every read is bounded by the file.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "shards/model/gguf_metadata.hpp"

namespace troupe {

class gguf_cursor {
 public:
  gguf_cursor(std::span<const std::byte> file, uint64_t at) : file_(file), at_(at) {}

  uint64_t at() const { return at_; }

  /// The next bytes. Error (corrupt): the file ends before; `what` says where.
  result<std::span<const std::byte>> take(uint64_t bytes, std::string_view what);

  template <class T>
  result<T> number(std::string_view what) {
    TROUPE_ASSIGN(const auto bytes, take(sizeof(T), what));
    T value;
    std::memcpy(&value, bytes.data(), sizeof value);
    return value;
  }

  /// A string with its length before it. Error (corrupt) too where it is longer than `bytes_max`.
  result<std::string_view> text(std::string_view what, uint64_t bytes_max);

 private:
  std::span<const std::byte> file_;
  uint64_t at_;
};

/// A value: its type, then itself. `key` is for errors.
result<gguf_value> read_gguf_value(gguf_cursor& in, const std::string& key);

}  // namespace troupe
