// A GGUF file in memory, piece by piece. Nothing is checked, so that broken ones can be made too.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "shards/model/tensor.hpp"

namespace troupe::test {

/// The number that the format gives a type.
uint32_t ggml_number(dtype type);

class gguf_writer {
 public:
  explicit gguf_writer(uint32_t version = 3) : version_(version) {}

  void u32(std::string_view key, uint32_t value);
  void f32(std::string_view key, float value);
  void flag(std::string_view key, bool value);
  void text(std::string_view key, std::string_view value);
  void texts(std::string_view key, std::span<const std::string> values);
  void floats(std::string_view key, std::span<const float> values);
  void ints(std::string_view key, std::span<const int32_t> values);
  /// Any type, any bytes.
  void raw(std::string_view key, uint32_t type, std::string_view bytes);

  /// `shape`: the outermost dimension first; `type`: the format's number.
  void tensor(std::string_view name, std::span<const uint64_t> shape, uint32_t type, std::string_view bytes);
  /// The same, at an offset of the caller's.
  void tensor_at(std::string_view name, std::span<const uint64_t> shape, uint32_t type, uint64_t offset);

  uint64_t alignment = 32;

  std::string file() const;
  /// A file with other numbers of tensors and keys in its header.
  std::string file(uint64_t tensors, uint64_t keys) const;

 private:
  uint32_t version_;
  uint64_t tensors_ = 0, keys_ = 0;
  std::string metadata_, infos_, data_;
};

/// Bytes of numbers as the format writes them, and of a string with its length.
template <class T>
std::string bytes_of(T value) {
  return {reinterpret_cast<const char*>(&value), sizeof value};
}
std::string counted(std::string_view text);

}  // namespace troupe::test
