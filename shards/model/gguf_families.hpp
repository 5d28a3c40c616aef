// What the names in a GGUF file mean: one table entry for each family. To add one: an entry in gguf_families.cpp, then
// what its metadata has that the others' lack, in gguf_config.cpp.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace troupe {

/// A tensor's stem in the file and in transformers: "attn_q" is "self_attn.q_proj". ".weight" and ".bias" stay. Where
/// the latter has a "*", the tensor holds the matrices of all experts, one after the other, and * is an expert's
/// number.
struct gguf_stem {
  std::string_view in_file;
  std::string_view in_model;
};

struct gguf_family {
  /// general.architecture; the keys of its sizes begin with it.
  std::string_view architecture;
  /// Of the families of one architecture, that of mixtures of experts.
  bool has_experts = false;
  /// What config.json calls it.
  std::string_view config_name;
  /// Of one layer: "blk.3." becomes "model.layers.3.".
  std::span<const gguf_stem> layer_stems;
  /// The query's and the key's rows are in the order in which rotary embedding pairs them (tensor_view::paired_rows).
  bool paired_rows = false;
  /// Gemma: the converter has added one to the weights of norms. Scores are divided by the square root of the size of a
  /// head or, in the model of so many layers, of hidden / heads; the files do not say.
  bool gemma = false;
  uint32_t layers_with_wide_scores = 0;
};

/// nullptr where we do not know it.
const gguf_family* find_gguf_family(std::string_view architecture, bool has_experts);

/// "llama, ... and qwen3moe"
std::string known_gguf_families();

/// The name that transformers gives a tensor, perhaps with a "*"; nothing where it has none there.
std::optional<std::string> model_tensor_name(const gguf_family& family, std::string_view in_file);

/// Whether it is the weight or the bias of a layer's query or key.
bool is_query_or_key(std::string_view in_file);

}  // namespace troupe
