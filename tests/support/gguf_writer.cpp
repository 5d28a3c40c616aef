#include "tests/support/gguf_writer.hpp"

#include <stdexcept>

namespace troupe::test {
namespace {

enum type : uint32_t { type_u32 = 4, type_i32 = 5, type_f32 = 6, type_bool = 7, type_string = 8, type_array = 9 };

std::string array_of(uint32_t element, uint64_t count) { return bytes_of(element) + bytes_of(count); }

}  // namespace

uint32_t ggml_number(dtype type) {
  switch (type) {
    case dtype::f32: return 0;
    case dtype::f16: return 1;
    case dtype::q4_0: return 2;
    case dtype::q8_0: return 8;
    case dtype::q4_k: return 12;
    case dtype::q6_k: return 14;
    case dtype::bf16: return 30;
    default: throw std::invalid_argument("no ggml type");
  }
}

std::string counted(std::string_view text) { return bytes_of(uint64_t{text.size()}).append(text); }

void gguf_writer::raw(std::string_view key, uint32_t type, std::string_view bytes) {
  metadata_ += counted(key) + bytes_of(type);
  metadata_ += bytes;
  ++keys_;
}

void gguf_writer::u32(std::string_view key, uint32_t value) { raw(key, type_u32, bytes_of(value)); }
void gguf_writer::f32(std::string_view key, float value) { raw(key, type_f32, bytes_of(value)); }
void gguf_writer::flag(std::string_view key, bool value) { raw(key, type_bool, bytes_of(uint8_t{value})); }
void gguf_writer::text(std::string_view key, std::string_view value) { raw(key, type_string, counted(value)); }

void gguf_writer::texts(std::string_view key, std::span<const std::string> values) {
  std::string bytes = array_of(type_string, values.size());
  for (const auto& value : values) bytes += counted(value);
  raw(key, type_array, bytes);
}

void gguf_writer::floats(std::string_view key, std::span<const float> values) {
  std::string bytes = array_of(type_f32, values.size());
  for (float value : values) bytes += bytes_of(value);
  raw(key, type_array, bytes);
}

void gguf_writer::ints(std::string_view key, std::span<const int32_t> values) {
  std::string bytes = array_of(type_i32, values.size());
  for (int32_t value : values) bytes += bytes_of(value);
  raw(key, type_array, bytes);
}

void gguf_writer::tensor(std::string_view name, std::span<const uint64_t> shape, uint32_t type,
                         std::string_view bytes) {
  tensor_at(name, shape, type, data_.size());
  data_ += bytes;
  data_.resize((data_.size() + alignment - 1) / alignment * alignment);
}

void gguf_writer::tensor_at(std::string_view name, std::span<const uint64_t> shape, uint32_t type, uint64_t offset) {
  infos_ += counted(name) + bytes_of(static_cast<uint32_t>(shape.size()));
  for (size_t i = shape.size(); i > 0; --i) infos_ += bytes_of(shape[i - 1]);
  infos_ += bytes_of(type) + bytes_of(offset);
  ++tensors_;
}

std::string gguf_writer::file() const { return file(tensors_, keys_); }

std::string gguf_writer::file(uint64_t tensors, uint64_t keys) const {
  std::string out = "GGUF" + bytes_of(version_) + bytes_of(tensors) + bytes_of(keys) + metadata_ + infos_;
  if (!data_.empty()) out.resize((out.size() + alignment - 1) / alignment * alignment);
  return out + data_;
}

}  // namespace troupe::test
