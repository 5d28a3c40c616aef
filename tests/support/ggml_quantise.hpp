// Floats as the block types of GGUF: the plainest quantisers that fill every field of a block. They lose more than
// ggml's, which search for the best scales; what matters here is what the bytes mean.
#pragma once

#include <span>
#include <string>

#include "shards/model/tensor.hpp"

namespace troupe::test {

/// f32, f16, bf16, q8_0, q4_0, q4_k or q6_k; whole blocks.
std::string quantised(dtype type, std::span<const float> values);

}  // namespace troupe::test
