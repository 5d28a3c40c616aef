// Turns a checkpoint of llama2.c (github.com/karpathy/llama2.c) into a Hugging Face folder. Two layouts are read:
// version 0 ("legacy": seven ints, then f32 weights and two rotary tables) and version 1 (magic "ak42", a header of 256
// bytes, f32 weights in another order).
#pragma once

#include <boost/json/fwd.hpp>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "base/result.hpp"

namespace troupe {

/// A parsed checkpoint. The spans view into the file: f32, little-endian, layers outermost; linear layers are
/// (outputs, inputs), with llama2.c's order of rows in wq and wk.
struct llama2c_checkpoint {
  uint32_t version = 0;
  uint32_t dim = 0, hidden_dim = 0, layers = 0, heads = 0, kv_heads = 0, vocab_size = 0, context = 0;
  bool tied = false;
  std::span<const std::byte> embedding;       // (vocab_size, dim)
  std::span<const std::byte> attention_norm;  // (layers, dim)
  std::span<const std::byte> wq;              // (layers, dim, dim)
  std::span<const std::byte> wk, wv;          // (layers, kv_heads * dim / heads, dim)
  std::span<const std::byte> wo;              // (layers, dim, dim)
  std::span<const std::byte> ffn_norm;        // (layers, dim)
  std::span<const std::byte> w1, w3;          // (layers, hidden_dim, dim)
  std::span<const std::byte> w2;              // (layers, dim, hidden_dim)
  std::span<const std::byte> final_norm;      // (dim)
  std::span<const std::byte> classifier;      // (vocab_size, dim); empty when tied
};

/// Bounds: dim 65 536, hidden_dim and vocabulary 1 048 576, 1024 layers, 1024 heads, context 16 777 216.
/// Refused (corrupt): sizes out of range or not dividing each other, a file that is not exactly as long as its header
/// says. Not_supported: version 2 (quantised) and above.
result<llama2c_checkpoint> parse_llama2c(std::span<const std::byte> file);

/// Writes config.json, generation_config.json, model.safetensors (f32), tokenizer.json and tokenizer_config.json into
/// `out_folder`, which is made where it is missing. `tokenizer_json` is what becomes tokenizer.json. Refuses a folder
/// that has a config.json already (conflict). Errors: io_failed, corrupt, not_supported, conflict.
result<void> import_llama2c(const std::string& checkpoint_path, const boost::json::object& tokenizer_json,
                            const std::string& out_folder);

/// The number of words of the checkpoint's vocabulary, for making `tokenizer_json`: reads the header alone.
result<uint32_t> llama2c_vocab_size(const std::string& checkpoint_path);

}  // namespace troupe
