#include "shards/model/gguf_cursor.hpp"

#include "shards/model/gguf.hpp"

namespace troupe {
namespace {

error damaged(std::string detail) { return {errc::corrupt, std::move(detail)}; }

result<gguf_type> read_type(gguf_cursor& in, const std::string& key) {
  TROUPE_ASSIGN(const auto number, in.number<uint32_t>(key));
  if (number > static_cast<uint32_t>(gguf_type::f64))
    return damaged(key + " is of the unknown type " + std::to_string(number));
  return static_cast<gguf_type>(number);
}

result<void> skip(gguf_cursor& in, gguf_type type, uint64_t count, const std::string& key, uint32_t depth);

result<void> skip_array(gguf_cursor& in, const std::string& key, uint32_t depth) {
  if (depth == gguf_array_depth_max) {
    return damaged(key + " has more than " + std::to_string(gguf_array_depth_max) + " arrays inside each other");
  }
  TROUPE_ASSIGN(const gguf_type type, read_type(in, key));
  TROUPE_ASSIGN(const auto count, in.number<uint64_t>(key));
  return skip(in, type, count, key, depth + 1);
}

/// Goes past `count` values of one type and checks them.
result<void> skip(gguf_cursor& in, gguf_type type, uint64_t count, const std::string& key, uint32_t depth) {
  if (count > gguf_array_elements_max) {
    return damaged(key + " has " + std::to_string(count) + " elements, at most " +
                   std::to_string(gguf_array_elements_max) + " are accepted");
  }
  if (type == gguf_type::string) {
    for (uint64_t i = 0; i < count; ++i) TROUPE_TRY(in.text(key, gguf_string_bytes_max));
    return {};
  }
  if (type == gguf_type::array) {
    for (uint64_t i = 0; i < count; ++i) TROUPE_TRY(skip_array(in, key, depth));
    return {};
  }
  TROUPE_ASSIGN(const auto bytes, in.take(count * size_of(type), key));
  if (type != gguf_type::boolean) return {};
  for (std::byte value : bytes) {
    if (value > std::byte{1}) return damaged(key + " is a bool of neither 0 nor 1");
  }
  return {};
}

}  // namespace

result<std::span<const std::byte>> gguf_cursor::take(uint64_t bytes, std::string_view what) {
  if (bytes > file_.size() - at_) {
    return damaged("the file ends after " + std::to_string(file_.size()) + " bytes, within " + std::string(what) +
                   ": it is truncated");
  }
  const auto taken = file_.subspan(at_, bytes);
  at_ += bytes;
  return taken;
}

result<std::string_view> gguf_cursor::text(std::string_view what, uint64_t bytes_max) {
  TROUPE_ASSIGN(const auto length, number<uint64_t>(what));
  if (length > bytes_max) {
    return damaged(std::string(what) + " has a string of " + std::to_string(length) + " bytes, at most " +
                   std::to_string(bytes_max) + " are accepted");
  }
  TROUPE_ASSIGN(const auto bytes, take(length, what));
  return std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size());
}

result<gguf_value> read_gguf_value(gguf_cursor& in, const std::string& key) {
  gguf_value out;
  TROUPE_ASSIGN(out.type, read_type(in, key));
  if (out.type == gguf_type::array) {
    out.is_array = true;
    TROUPE_ASSIGN(out.type, read_type(in, key));
    TROUPE_ASSIGN(out.count, in.number<uint64_t>(key));
  }
  gguf_cursor start = in;
  TROUPE_TRY(skip(in, out.type, out.count, key, out.is_array ? 1 : 0));
  TROUPE_ASSIGN(out.bytes, start.take(in.at() - start.at(), key));
  return out;
}

}  // namespace troupe
