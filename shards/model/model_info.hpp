// What `troupe model info` says about a model: everything is checked as a rank would check it before serving.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "shards/model/model_config.hpp"

namespace troupe {

struct model_summary {
  /// Or a GGUF file.
  std::string folder;
  model_config config;
  /// As in model_version.hpp.
  std::string version;
  uint64_t parameters = 0;
  uint64_t weight_bytes = 0;
  size_t weight_file_count = 0;
  /// The element types of the weights, most bytes first: "BF16", "F32".
  std::vector<std::string> dtypes;
  /// tokenizer.json's model.type ("BPE"), "SentencePiece" where there is a tokenizer.model alone, or a GGUF file's kind
  /// and way to split words ("gpt2, llama-bpe"), or "none".
  std::string tokenizer;
  bool has_chat_template = false;
  /// Keys and values of one position in all layers, over all ranks, in f32 as the CPU backend keeps them.
  uint64_t kv_bytes_per_token = 0;
  /// The numbers of ranks that the model can be split over.
  std::vector<uint32_t> tp_degrees;
};

/// Reads headers, configs and the scales of quantised weights, hashes as model_version does. Errors: those of
/// read_model_config, weight_files::open, check_weights and check_scales, or a tokenizer file that is not JSON.
result<model_summary> summarise_model(const std::string& folder);

/// Lines "name: value" for people, ending in a newline.
std::string to_text(const model_summary& summary);

}  // namespace troupe
