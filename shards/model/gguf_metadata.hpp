// The key-value pairs at the front of a GGUF file: checked by parse_gguf, read by name and type here. Values view into
// the file.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace troupe {

/// In the numbers of the format.
enum class gguf_type : uint32_t { u8, i8, u16, i16, u32, i32, f32, boolean, string, array, u64, i64, f64 };

/// "u32"
std::string_view name(gguf_type type);
/// Bytes of one value; 0 for strings and arrays.
uint64_t size_of(gguf_type type);

struct gguf_value {
  /// Of each element, where it is an array.
  gguf_type type = gguf_type::u8;
  bool is_array = false;
  uint64_t count = 1;
  /// The elements as they lie, one after the other; a string is 8 bytes with its length, then its bytes.
  std::span<const std::byte> bytes;
};

/// Absent values are no error: they give nothing, or an empty list. A value of another type is (corrupt):
/// "llama.block_count must be a whole number, but is a string".
class gguf_metadata {
 public:
  /// `value` is well-formed: parse_gguf has checked it. False where the key is there already.
  bool add(std::string_view key, gguf_value value) { return values_.emplace(key, value).second; }

  bool has(std::string_view key) const { return values_.contains(key); }
  size_t size() const { return values_.size(); }
  /// nullptr where absent.
  const gguf_value* find(std::string_view key) const;

  /// Of any width and sign. Error (corrupt) too where it is not in [least, most].
  result<std::optional<int64_t>> integer(std::string_view key, int64_t least, int64_t most) const;
  /// Of any width, or a whole number. Error (corrupt) too where it is not finite.
  result<std::optional<double>> number(std::string_view key) const;
  result<std::optional<bool>> boolean(std::string_view key) const;
  result<std::optional<std::string_view>> string(std::string_view key) const;
  result<std::vector<std::string_view>> strings(std::string_view key) const;
  /// An array of f32.
  result<std::vector<float>> floats(std::string_view key) const;
  /// An array of whole numbers of 8 to 32 bits.
  result<std::vector<int64_t>> integers(std::string_view key) const;

 private:
  std::map<std::string_view, gguf_value> values_;
};

}  // namespace troupe
