// What the names in a GGUF file mean: one table entry for each architecture. To add a family: an entry in
// gguf_families.cpp, then what its metadata has that the others' lack, in gguf_config.cpp.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace troupe {

/// A tensor's stem in the file and in transformers: "attn_q" is "self_attn.q_proj". ".weight" and ".bias" stay.
struct gguf_stem {
  std::string_view in_file;
  std::string_view in_model;
};

struct gguf_family {
  /// general.architecture; the keys of its sizes begin with it.
  std::string_view architecture;
  /// What config.json calls it.
  std::string_view config_name;
  /// Of one layer: "blk.3." becomes "model.layers.3.".
  std::span<const gguf_stem> layer_stems;
  /// The query's and the key's rows are in the order in which rotary embedding pairs them (tensor_view::paired_rows).
  bool paired_rows = false;
};

/// nullptr where we do not know it.
const gguf_family* find_gguf_family(std::string_view architecture);

/// "llama and qwen2"
std::string known_gguf_families();

/// The name that transformers gives a tensor; nothing where it has none there.
std::optional<std::string> model_tensor_name(const gguf_family& family, std::string_view in_file);

/// Whether it is the weight or the bias of a layer's query or key.
bool is_query_or_key(std::string_view in_file);

}  // namespace troupe
