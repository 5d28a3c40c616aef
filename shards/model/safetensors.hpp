// The safetensors format (github.com/huggingface/safetensors, README "Format"): 8 bytes with the header's length, a
// JSON object name -> {dtype, shape, data_offsets}, then the data. Everything is checked here, once; what comes back
// can be used without another look.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "shards/model/tensor.hpp"

namespace troupe {

/// The bound on a header: that of the reference implementation.
inline constexpr uint64_t safetensors_header_bytes_max = 100'000'000;
inline constexpr size_t safetensors_tensors_max = 1 << 20;
inline constexpr size_t safetensors_dimensions_max = 8;

/// The bytes before the data: 8 and the header's text. 0 when `file` is too short to say.
uint64_t safetensors_header_bytes(std::span<const std::byte> file);

/// Parses one whole file; the tensors view into `file`, in the order of their data. Refused (corrupt): a header longer
/// than the file or the bound, JSON of another form, an unknown dtype, a shape whose bytes are not those of the
/// offsets, offsets outside the data, overlaps, holes, bytes after the last tensor, a name twice.
result<std::vector<tensor_view>> parse_safetensors(std::span<const std::byte> file);

/// Writes tensors to `path`, which is complete or untouched (written beside, synced, renamed). The data begins at a
/// multiple of 8 bytes; tensors keep their order. `data` must fit type and shape. Errors: io_failed.
result<void> write_safetensors(const std::string& path, std::span<const tensor_view> tensors);

}  // namespace troupe
