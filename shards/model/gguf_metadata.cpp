#include "shards/model/gguf_metadata.hpp"

#include <array>
#include <cmath>
#include <cstring>
#include <limits>

namespace troupe {
namespace {

struct type_info {
  std::string_view name;
  uint64_t size;
};

// In the order of the enumeration.
constexpr std::array<type_info, 13> infos{{{"u8", 1},
                                           {"i8", 1},
                                           {"u16", 2},
                                           {"i16", 2},
                                           {"u32", 4},
                                           {"i32", 4},
                                           {"f32", 4},
                                           {"bool", 1},
                                           {"string", 0},
                                           {"array", 0},
                                           {"u64", 8},
                                           {"i64", 8},
                                           {"f64", 8}}};

template <class T>
T read(const std::byte* from) {
  T value;
  std::memcpy(&value, from, sizeof value);
  return value;
}

/// nullopt where the type is no whole number, or it does not fit.
std::optional<int64_t> integer_at(gguf_type type, const std::byte* from) {
  switch (type) {
    case gguf_type::u8: return read<uint8_t>(from);
    case gguf_type::i8: return read<int8_t>(from);
    case gguf_type::u16: return read<uint16_t>(from);
    case gguf_type::i16: return read<int16_t>(from);
    case gguf_type::u32: return read<uint32_t>(from);
    case gguf_type::i32: return read<int32_t>(from);
    case gguf_type::i64: return read<int64_t>(from);
    case gguf_type::u64: {
      const auto value = read<uint64_t>(from);
      if (value > static_cast<uint64_t>(std::numeric_limits<int64_t>::max())) return std::nullopt;
      return static_cast<int64_t>(value);
    }
    default: return std::nullopt;
  }
}

std::string_view string_at(const std::byte* from) {
  return {reinterpret_cast<const char*>(from) + sizeof(uint64_t), read<uint64_t>(from)};
}

std::string kind_of(const gguf_value& value) {
  return (value.is_array ? "an array of " : "of ") + std::string(name(value.type));
}

error wrong(std::string_view key, std::string_view what, const std::string& is) {
  return {errc::corrupt, std::string(key) + " must be " + std::string(what) + ", but is " + is};
}

}  // namespace

std::string_view name(gguf_type type) { return infos[static_cast<size_t>(type)].name; }
uint64_t size_of(gguf_type type) { return infos[static_cast<size_t>(type)].size; }

const gguf_value* gguf_metadata::find(std::string_view key) const {
  auto found = values_.find(key);
  return found == values_.end() ? nullptr : &found->second;
}

result<std::optional<int64_t>> gguf_metadata::integer(std::string_view key, int64_t least, int64_t most) const {
  const auto* value = find(key);
  if (!value) return std::optional<int64_t>();
  const auto number = value->is_array ? std::nullopt : integer_at(value->type, value->bytes.data());
  if (!number) return wrong(key, "a whole number", kind_of(*value));
  if (*number < least || *number > most) {
    return wrong(key, "from " + std::to_string(least) + " to " + std::to_string(most), std::to_string(*number));
  }
  return number;
}

result<std::optional<double>> gguf_metadata::number(std::string_view key) const {
  const auto* value = find(key);
  if (!value) return std::optional<double>();
  if (value->is_array) return wrong(key, "a number", kind_of(*value));
  const std::byte* from = value->bytes.data();
  std::optional<double> number;
  if (value->type == gguf_type::f32) {
    number = double{read<float>(from)};
  } else if (value->type == gguf_type::f64) {
    number = read<double>(from);
  } else if (auto whole = integer_at(value->type, from)) {
    number = static_cast<double>(*whole);
  }
  if (!number) return wrong(key, "a number", kind_of(*value));
  if (!std::isfinite(*number)) return wrong(key, "a finite number", std::to_string(*number));
  return number;
}

result<std::optional<bool>> gguf_metadata::boolean(std::string_view key) const {
  const auto* value = find(key);
  if (!value) return std::optional<bool>();
  if (value->is_array || value->type != gguf_type::boolean) return wrong(key, "a bool", kind_of(*value));
  return std::optional(value->bytes[0] != std::byte{0});
}

result<std::optional<std::string_view>> gguf_metadata::string(std::string_view key) const {
  const auto* value = find(key);
  if (!value) return std::optional<std::string_view>();
  if (value->is_array || value->type != gguf_type::string) return wrong(key, "a string", kind_of(*value));
  return std::optional(string_at(value->bytes.data()));
}

result<std::vector<std::string_view>> gguf_metadata::strings(std::string_view key) const {
  std::vector<std::string_view> out;
  const auto* value = find(key);
  if (!value) return out;
  if (!value->is_array || value->type != gguf_type::string) return wrong(key, "an array of strings", kind_of(*value));
  out.reserve(value->count);
  const std::byte* from = value->bytes.data();
  for (uint64_t i = 0; i < value->count; ++i) {
    out.push_back(string_at(from));
    from += sizeof(uint64_t) + out.back().size();
  }
  return out;
}

result<std::vector<float>> gguf_metadata::floats(std::string_view key) const {
  std::vector<float> out;
  const auto* value = find(key);
  if (!value) return out;
  if (!value->is_array || value->type != gguf_type::f32) return wrong(key, "an array of f32", kind_of(*value));
  out.resize(value->count);
  if (!out.empty()) std::memcpy(out.data(), value->bytes.data(), value->bytes.size());
  return out;
}

result<std::vector<int64_t>> gguf_metadata::integers(std::string_view key) const {
  std::vector<int64_t> out;
  const auto* value = find(key);
  if (!value) return out;
  const uint64_t size = size_of(value->type);
  if (!value->is_array || size > 4 || value->type == gguf_type::f32 || value->type == gguf_type::boolean || size == 0)
    return wrong(key, "an array of whole numbers of at most 32 bits", kind_of(*value));
  out.reserve(value->count);
  for (uint64_t i = 0; i < value->count; ++i) out.push_back(*integer_at(value->type, value->bytes.data() + i * size));
  return out;
}

}  // namespace troupe
