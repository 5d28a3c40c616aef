// How a GGUF file says that its model rotates queries and keys: keys, and tables as tensors.
#pragma once

#include <boost/json/object.hpp>
#include <cstdint>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "shards/model/gguf.hpp"

namespace troupe {

/// Adds rope_scaling, and what belongs to it, as config.json has them. Errors: not_supported, corrupt; they name the
/// key or the tensor.
result<void> add_gguf_rope(const gguf_contents& file, std::string_view architecture, boost::json::object& config);

/// rope_config::divisors: Llama 3.1's scaling is stored as what it divides each frequency by. Errors: corrupt.
result<std::vector<float>> read_gguf_rope_divisors(const gguf_contents& file, uint32_t dims);

/// Whether the tensor is such a table, and no weight.
bool is_gguf_rope_table(std::string_view tensor);

}  // namespace troupe
