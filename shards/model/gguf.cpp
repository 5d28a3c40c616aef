#include "shards/model/gguf.hpp"

#include <algorithm>
#include <tuple>

#include "shards/model/config_fields.hpp"
#include "shards/model/gguf_cursor.hpp"

namespace troupe {
namespace {

constexpr std::string_view magic = "GGUF";

error damaged(std::string detail) { return {errc::corrupt, std::move(detail)}; }

std::string at_most(uint64_t is, std::string_view of, uint64_t most) {
  return std::to_string(is) + " " + std::string(of) + ", at most " + std::to_string(most) + " are accepted";
}

/// A ggml type that has a name but no dtype is one that we do not read.
struct ggml_type {
  uint32_t number;
  std::string_view name;
  std::optional<dtype> type = std::nullopt;
};

// enum ggml_type in docs/gguf.md.
constexpr ggml_type ggml_types[] = {{0, "F32", dtype::f32},
                                    {1, "F16", dtype::f16},
                                    {2, "Q4_0", dtype::q4_0},
                                    {3, "Q4_1"},
                                    {6, "Q5_0"},
                                    {7, "Q5_1"},
                                    {8, "Q8_0", dtype::q8_0},
                                    {9, "Q8_1"},
                                    {10, "Q2_K"},
                                    {11, "Q3_K"},
                                    {12, "Q4_K", dtype::q4_k},
                                    {13, "Q5_K"},
                                    {14, "Q6_K", dtype::q6_k},
                                    {15, "Q8_K"},
                                    {16, "IQ2_XXS"},
                                    {17, "IQ2_XS"},
                                    {18, "IQ3_XXS"},
                                    {19, "IQ1_S"},
                                    {20, "IQ4_NL"},
                                    {21, "IQ3_S"},
                                    {22, "IQ2_S"},
                                    {23, "IQ4_XS"},
                                    {24, "I8", dtype::i8},
                                    {25, "I16", dtype::i16},
                                    {26, "I32", dtype::i32},
                                    {27, "I64", dtype::i64},
                                    {28, "F64", dtype::f64},
                                    {29, "IQ1_M"},
                                    {30, "BF16", dtype::bf16},
                                    {34, "TQ1_0"},
                                    {35, "TQ2_0"},
                                    {39, "MXFP4"}};

result<dtype> dtype_of(uint32_t number, const std::string& who) {
  const auto* found = std::ranges::find(ggml_types, number, &ggml_type::number);
  if (found == std::end(ggml_types)) {
    return error{errc::not_supported, who + " is of the unknown ggml type " + std::to_string(number)};
  }
  if (!found->type) {
    return error{errc::not_supported, who + " is of " + std::string(found->name) +
                                          ", which is not supported; F32, F16, BF16, Q8_0, Q4_0, Q4_K and Q6_K are"};
  }
  return *found->type;
}

struct placed_tensor {
  uint64_t begin = 0;
  uint64_t bytes = 0;
  tensor_view view;
};

result<void> check_sizes(const placed_tensor& tensor, const std::string& who) {
  const tensor_view& view = tensor.view;
  if (view.shape.back() % block_elements(view.type) != 0) {
    return damaged(who + " has rows of " + std::to_string(view.shape.back()) + ", but " + std::string(name(view.type)) +
                   " has blocks of " + std::to_string(block_elements(view.type)));
  }
  return {};
}

result<placed_tensor> read_tensor(gguf_cursor& in) {
  TROUPE_ASSIGN(const std::string_view text, in.text("the name of a tensor", gguf_tensor_name_bytes_max));
  const std::string who = "tensor " + shown_text(text);
  placed_tensor out;
  out.view.name = text;
  TROUPE_ASSIGN(const auto dimensions, in.number<uint32_t>(who));
  if (dimensions == 0 || dimensions > gguf_dimensions_max)
    return damaged(who + " has " + at_most(dimensions, "dimensions", gguf_dimensions_max));
  for (uint32_t i = 0; i < dimensions; ++i) {
    TROUPE_ASSIGN(const auto size, in.number<uint64_t>(who));
    if (size == 0) return damaged(who + " has a dimension of 0");
    out.view.shape.insert(out.view.shape.begin(), size);
  }
  TROUPE_ASSIGN(const auto type, in.number<uint32_t>(who));
  TROUPE_ASSIGN(out.view.type, dtype_of(type, who));
  TROUPE_ASSIGN(out.begin, in.number<uint64_t>(who));
  TROUPE_TRY(check_sizes(out, who));
  uint64_t elements = 1;
  bool fits = true;
  for (uint64_t size : out.view.shape) fits = fits && !__builtin_mul_overflow(elements, size, &elements);
  fits =
      fits && !__builtin_mul_overflow(elements / block_elements(out.view.type), block_bytes(out.view.type), &out.bytes);
  if (!fits) return damaged(who + " has shape " + shape_text(out.view.shape) + ", which is too large");
  return out;
}

result<void> check_places(const std::vector<placed_tensor>& tensors, uint64_t data_bytes, uint64_t alignment) {
  uint64_t end = 0;
  for (const auto& tensor : tensors) {
    const std::string who = "tensor " + shown_text(tensor.view.name);
    if (tensor.begin % alignment != 0) {
      return damaged(who + " begins at " + std::to_string(tensor.begin) + " of the data, which is no multiple of " +
                     std::to_string(alignment));
    }
    if (tensor.begin > data_bytes || tensor.bytes > data_bytes - tensor.begin) {
      return damaged(who + " of " + std::to_string(tensor.bytes) + " bytes begins at " + std::to_string(tensor.begin) +
                     " of the data, but the file has " + std::to_string(data_bytes) + " bytes of it: it is truncated");
    }
    if (tensor.begin < end) {
      return damaged(who + " begins at " + std::to_string(tensor.begin) +
                     " of the data, before another tensor's end, " + std::to_string(end) + ": they overlap");
    }
    end = tensor.begin + tensor.bytes;
  }
  return {};
}

result<std::vector<placed_tensor>> read_tensors(gguf_cursor& in, uint64_t count) {
  std::vector<placed_tensor> tensors;
  for (uint64_t i = 0; i < count; ++i) {
    TROUPE_ASSIGN(auto tensor, read_tensor(in));
    tensors.push_back(std::move(tensor));
  }
  std::ranges::sort(tensors, {}, [](const auto& tensor) { return std::string_view(tensor.view.name); });
  const auto twice =
      std::ranges::adjacent_find(tensors, {}, [](const auto& t) { return std::string_view(t.view.name); });
  if (twice != tensors.end()) return damaged("tensor " + shown_text(twice->view.name) + " is there twice");
  std::ranges::sort(tensors, {}, &placed_tensor::begin);
  return tensors;
}

result<void> read_metadata(gguf_cursor& in, uint64_t count, gguf_metadata& out) {
  for (uint64_t i = 0; i < count; ++i) {
    TROUPE_ASSIGN(const std::string_view key, in.text("a key", gguf_key_bytes_max));
    TROUPE_ASSIGN(const gguf_value value, read_gguf_value(in, shown_text(key)));
    if (!out.add(key, value)) return damaged("the key " + shown_text(key) + " is there twice");
  }
  return {};
}

result<uint32_t> read_version(gguf_cursor& in) {
  TROUPE_ASSIGN(const auto version, in.number<uint32_t>("the version"));
  if (version == 2 || version == 3) return version;
  // The format has no mark for the order of bytes; its own reader looks at the version too.
  if (version != 0 && (version & 0xFFFFU) == 0)
    return error{errc::not_supported, "big-endian GGUF files are not supported"};
  return error{errc::not_supported,
               "GGUF of version " + std::to_string(version) + " is not supported, only 2 and 3 are; convert it again"};
}

result<void> check_kind(const gguf_contents& file) {
  TROUPE_ASSIGN(const auto parts, file.metadata.integer("split.count", 0, 1 << 16));
  if (parts.value_or(1) > 1) {
    return error{errc::not_supported, "this is one of " + std::to_string(*parts) +
                                          " parts of a split model, which is not supported: join them first"};
  }
  const bool quantised = std::ranges::any_of(file.tensors, [](const auto& tensor) { return has_blocks(tensor.type); });
  TROUPE_ASSIGN(const auto version, file.metadata.integer("general.quantization_version", 0, UINT32_MAX));
  if (quantised && version.value_or(2) != 2) {
    return error{errc::not_supported, "general.quantization_version is " + std::to_string(*version) +
                                          ": blocks of other versions than 2 are not supported"};
  }
  return {};
}

}  // namespace

const tensor_view* gguf_contents::find(std::string_view tensor) const {
  const auto found = std::ranges::find(tensors, tensor, &tensor_view::name);
  return found == tensors.end() ? nullptr : &*found;
}

bool is_gguf(std::span<const std::byte> file) {
  return file.size() >= magic.size() &&
         std::string_view(reinterpret_cast<const char*>(file.data()), magic.size()) == magic;
}

result<gguf_contents> parse_gguf(std::span<const std::byte> file) {
  if (!is_gguf(file)) return damaged("the file does not begin with \"GGUF\"");
  gguf_cursor in(file, magic.size());
  gguf_contents out;
  TROUPE_ASSIGN(out.version, read_version(in));
  TROUPE_ASSIGN(const auto tensor_count, in.number<uint64_t>("the header"));
  TROUPE_ASSIGN(const auto key_count, in.number<uint64_t>("the header"));
  if (tensor_count > gguf_tensors_max)
    return damaged("the header counts " + at_most(tensor_count, "tensors", gguf_tensors_max));
  if (key_count > gguf_keys_max) return damaged("the header counts " + at_most(key_count, "keys", gguf_keys_max));
  TROUPE_TRY(read_metadata(in, key_count, out.metadata));
  TROUPE_ASSIGN(const auto stated, out.metadata.integer("general.alignment", 8, gguf_alignment_max));
  const auto alignment = static_cast<uint64_t>(stated.value_or(32));
  if (alignment % 8 != 0) return damaged("general.alignment is " + std::to_string(alignment) + ", no multiple of 8");
  TROUPE_ASSIGN(auto tensors, read_tensors(in, tensor_count));

  // A file without tensors, a vocabulary alone, ends with its header.
  out.header_bytes = std::min<uint64_t>((in.at() + alignment - 1) / alignment * alignment, file.size());
  const auto data = file.subspan(out.header_bytes);
  TROUPE_TRY(check_places(tensors, data.size(), alignment));
  out.tensors.reserve(tensors.size());
  for (auto& tensor : tensors) {
    tensor.view.data = data.subspan(tensor.begin, tensor.bytes);
    out.tensors.push_back(std::move(tensor.view));
  }
  TROUPE_TRY(check_kind(out));
  return out;
}

}  // namespace troupe
