// A model folder in Hugging Face layout as a GGUF file of any weight type: what people's converters make of it.
#pragma once

#include <string>

#include "shards/model/tensor.hpp"
#include "tests/support/gguf_writer.hpp"

namespace troupe::test {

struct gguf_model_options {
  /// Of the matrices; one whose rows are no whole blocks gets q8_0, norms and biases f32.
  dtype type = dtype::f32;
  /// Whether config.json's rope_scaling (llama3) becomes the table rope_freqs.weight.
  bool rope_table = true;
};

/// The metadata and tensors of the folder's config.json and safetensors, without a tokenizer, as llama.cpp's converter
/// (convert_hf_to_gguf.py) makes them of each family. What the format cannot say is left out: attention windows of
/// other families than Gemma and Phi-3, YaRN, query_pre_attn_scalar, norm_topk_prob.
gguf_writer gguf_of_folder(const std::string& folder, const gguf_model_options& options);

/// Adds the byte-level tokenizer of the folder (GPT-2's way to split words), its bos and eos and its chat template.
void add_byte_level_tokenizer(gguf_writer& out, const std::string& folder);

/// Writes, to `path`, gguf_of_folder with the tokenizer where the folder has one.
void write_gguf_model(const std::string& folder, const gguf_model_options& options, const std::string& path);

/// Writes to `out_folder` the folder's files with safetensors of the GGUF file's weights. `blocks_as`: f32, the values
/// of the blocks, or u8, the blocks themselves as `troupe model quantise` writes them (Q8_0 and Q4_0 only).
void write_same_as_safetensors(const std::string& gguf_path, const std::string& folder, const std::string& out_folder,
                               dtype blocks_as);

}  // namespace troupe::test
