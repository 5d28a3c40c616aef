// What config.json says about a model, as far as we compute it. Reading refuses what we would compute wrongly (another
// architecture, activation, rope scaling, quantisation ...) with the key and its value, so that a model_config in hand
// can be trusted: every size is within the bounds below, so products of sizes fit 64 bits.
//
// Families differ in the traits below; the engine asks for these alone, never for the family.
#pragma once

#include <boost/json/fwd.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.hpp"
#include "base/result.hpp"
#include "shards/model/rope_config.hpp"
#include "shards/model/tensor.hpp"

namespace troupe {

/// The families, as Hugging Face transformers calls them (model_family.cpp).
enum class architecture : uint8_t { llama, mistral, qwen2, qwen3, phi3, gemma2, gemma3, qwen3_moe, mixtral };
std::string_view name(architecture kind);

/// What the gate of an MLP goes through: x sigmoid(x), or GELU by its approximation with a tanh.
enum class activation : uint8_t { silu, gelu_tanh };

/// A mixture of experts in place of an MLP.
struct expert_config {
  uint32_t count = 0;         // at most 1024; with all layers, 65 536
  uint32_t used = 0;          // of each row, at most count
  uint32_t intermediate = 0;  // of each; at most 1 048 576
  /// The weights of a row's experts are divided by their sum.
  bool normalised = false;
  /// The tensors have the names of Mixtral, else those of Qwen.
  bool mixtral_names = false;
  friend bool operator==(const expert_config&, const expert_config&) = default;
};

struct model_config {
  architecture kind = architecture::llama;
  uint32_t hidden = 0;        // at most 65 536
  uint32_t layers = 0;        // at most 1024
  uint32_t heads = 0;         // at most 1024
  uint32_t kv_heads = 0;      // divides heads
  uint32_t head_dim = 0;      // even, at most 1024; heads * head_dim need not be hidden
  uint32_t intermediate = 0;  // at most 1 048 576
  uint32_t vocab_size = 0;    // at most 1 048 576
  /// The longest sequence, prompt and answer together; at most 16 777 216.
  uint32_t context_max = 0;
  double rms_eps = 1e-6;
  rope_config rope;
  /// Of the layers with a window, where it is another.
  std::optional<rope_config> sliding_rope;
  /// The output projection is the embedding.
  bool tied_embeddings = false;
  /// q_proj, k_proj and v_proj have a bias; o_proj has one too.
  bool qkv_bias = false;
  bool output_bias = false;
  /// Each head's query and key goes through an RMSNorm of its own before it is rotated.
  bool qk_norm = false;
  /// Scores of attention are divided by the square root of this, and then, if the cap is not 0, made cap tanh(x / cap).
  double score_scalar = 0;
  double score_softcap = 0;
  /// The same of the logits.
  double logits_softcap = 0;
  /// Rows of the embedding are multiplied by this.
  double embedding_scale = 1;
  activation gate = activation::silu;
  /// Weights of norms are stored less one.
  bool norms_less_one = false;
  /// What attention and the MLP add to the residual goes through norms too.
  bool output_norms = false;
  /// The files have q, k and v in one tensor, and gate and up in one.
  bool fused_projections = false;
  /// In the layers marked below a position sees so many, itself the last of them; 0: all before it.
  uint32_t window = 0;
  /// For each layer; empty: in none.
  std::vector<bool> sliding;
  std::optional<expert_config> experts;
  /// For each layer, whether it has the experts; empty: none has.
  std::vector<bool> sparse;
  std::optional<token_id> bos;
  /// Any of these ends an answer; may be empty. generation_defaults::eos is what to use.
  std::vector<token_id> eos;
  /// What torch_dtype says; the tensors themselves decide.
  std::optional<dtype> stated_dtype;

  uint32_t q_size() const { return heads * head_dim; }
  uint32_t kv_size() const { return kv_heads * head_dim; }
  bool is_sparse(uint32_t layer) const { return !sparse.empty() && sparse[layer]; }
  bool is_sliding(uint32_t layer) const { return !sliding.empty() && sliding[layer]; }

  friend bool operator==(const model_config&, const model_config&) = default;
};

/// Reads folder/config.json, or what a GGUF file says (gguf_file.hpp has what `folder` may be). Errors: io_failed,
/// corrupt (not JSON, a value is missing or out of its range), not_supported (a feature that we do not compute). Each
/// names the file, the key and the value.
result<model_config> read_model_config(const std::string& folder);

/// The same from parsed JSON.
result<model_config> parse_model_config(const boost::json::value& config);

/// Whether the model can be split over `tp` ranks (1, 2, 4 or 8: the widths of the reduction tree). Heads are dealt out
/// whole, and where there are fewer key/value heads than ranks, neighbours hold the same one; all else splits unevenly.
bool can_split(const model_config& config, uint32_t tp);

}  // namespace troupe
