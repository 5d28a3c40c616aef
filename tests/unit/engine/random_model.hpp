// Small models of random weights, as folders that the engine loads, and a reference to check it by.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/ids.hpp"
#include "shards/model/tensor.hpp"
#include "tests/support/temporary_folder.hpp"

namespace troupe::test {

struct random_model_shape {
  std::string architecture = "LlamaForCausalLM";
  uint32_t hidden = 64, layers = 2, heads = 8, kv_heads = 4, head_dim = 8, intermediate = 172, vocab_size = 509;
  uint32_t context_max = 512;
  bool tied = false;
  /// Of q, k, v and o; Qwen2 has those of q, k, v whatever this says.
  bool attention_bias = false;
  bool llama3_rope = false;
  dtype type = dtype::bf16;
  uint64_t seed = 1;
};

struct named_shape {
  std::string name;
  random_model_shape shape;
};

/// What Llama and Qwen2 models differ in, at sizes that divide nothing.
std::vector<named_shape> random_shapes();

/// Writes config.json and model.safetensors.
void write_random_model(const random_model_shape& shape, const std::string& folder);

/// A value's bits in f16, cut off; of those that a random weight has: no subnormals, no overflow.
uint16_t to_f16(float value);

/// A value in [-1, 1), from a seed and an index.
float random_value(uint64_t seed, uint64_t index);

/// The logits after the last token, computed in f64 by the plainest means: no cache, no blocks, no trees.
std::vector<double> reference_logits(const std::string& folder, const std::vector<token_id>& tokens);
/// The row of each token after the last norm, the same way.
std::vector<std::vector<double>> reference_rows(const std::string& folder, const std::vector<token_id>& tokens);

std::vector<token_id> random_tokens(size_t count, uint32_t vocab_size, uint64_t seed);

}  // namespace troupe::test
