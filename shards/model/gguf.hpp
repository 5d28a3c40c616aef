// The GGUF format, versions 2 and 3, little-endian (github.com/ggml-org/ggml, docs/gguf.md): a header with key-value
// pairs and the tensors' names, shapes and places, then their data. Everything is checked here, once; what comes back
// can be used without another look. What the keys and names mean is gguf_model.hpp's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/result.hpp"
#include "shards/model/gguf_metadata.hpp"
#include "shards/model/tensor.hpp"

namespace troupe {

inline constexpr uint64_t gguf_tensors_max = 1 << 16;
inline constexpr uint64_t gguf_keys_max = 1 << 16;
/// The format's own bounds.
inline constexpr uint64_t gguf_key_bytes_max = 65535;
inline constexpr uint64_t gguf_tensor_name_bytes_max = 64;
inline constexpr uint32_t gguf_dimensions_max = 4;
/// Ours. A vocabulary has some 256 000 tokens, a chat template some kilobytes.
inline constexpr uint64_t gguf_string_bytes_max = 16 << 20;
inline constexpr uint64_t gguf_array_elements_max = 1 << 24;
/// Arrays of arrays.
inline constexpr uint32_t gguf_array_depth_max = 4;
inline constexpr uint64_t gguf_alignment_max = 1 << 16;

/// Views into the file.
struct gguf_contents {
  uint32_t version = 3;
  gguf_metadata metadata;
  /// In the order of their data, with the file's names. Shapes have the outermost dimension first, as everywhere here;
  /// the file has it last.
  std::vector<tensor_view> tensors;
  /// Of all before the data.
  uint64_t header_bytes = 0;

  /// nullptr where there is none of that name.
  const tensor_view* find(std::string_view tensor) const;
};

/// Whether a file begins as GGUF files do.
bool is_gguf(std::span<const std::byte> file);

/// Parses one whole file. Refused: what is cut short or beyond a bound, a key or a tensor twice, a value of an unknown
/// type, a bool that is neither 0 nor 1, a shape without elements or whose rows are no whole blocks, an offset that is
/// not aligned, tensors outside the file or over each other (corrupt); another version, big-endian files, quantised
/// tensors of another quantisation version, tensors of a type that we do not read, one part of a split file
/// (not_supported). Errors name the key or the tensor.
result<gguf_contents> parse_gguf(std::span<const std::byte> file);

}  // namespace troupe
