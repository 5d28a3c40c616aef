// What config.json says about a model, as far as we compute it. Reading refuses what we would compute wrongly (another
// architecture, activation, rope scaling, quantisation ...) with the key and its value, so that a model_config in hand
// can be trusted: every size is within the bounds below, so products of sizes fit 64 bits.
#pragma once

#include <boost/json/fwd.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.hpp"
#include "base/result.hpp"
#include "shards/model/tensor.hpp"

namespace troupe {

/// LlamaForCausalLM and Qwen2ForCausalLM of Hugging Face transformers. They differ in biases alone.
enum class architecture : uint8_t { llama, qwen2 };
std::string_view name(architecture kind);

/// Llama 3.1's change of the rotary frequencies (transformers, modeling_rope_utils.py, _compute_llama3_parameters).
struct llama3_rope_scaling {
  double factor = 8;
  double low_freq_factor = 1;
  double high_freq_factor = 4;
  uint32_t original_context = 8192;
  friend bool operator==(const llama3_rope_scaling&, const llama3_rope_scaling&) = default;
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
  double rope_theta = 10000;
  std::optional<llama3_rope_scaling> rope_scaling;
  /// (head_dim / 2), or empty: what each rotary frequency is divided by. GGUF files have this in place of rope_scaling.
  std::vector<float> rope_divisors = {};
  /// The output projection is the embedding.
  bool tied_embeddings = false;
  /// q_proj, k_proj and v_proj have a bias (always in Qwen2; Llama: attention_bias).
  bool qkv_bias = false;
  /// o_proj has one too (Llama with attention_bias; never in Qwen2).
  bool output_bias = false;
  std::optional<token_id> bos;
  /// Any of these ends an answer; may be empty. generation_defaults::eos is what to use.
  std::vector<token_id> eos;
  /// What torch_dtype says; the tensors themselves decide.
  std::optional<dtype> stated_dtype;

  uint32_t q_size() const { return heads * head_dim; }
  uint32_t kv_size() const { return kv_heads * head_dim; }

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

/// The number of weights; tied ones count once.
uint64_t parameter_count(const model_config& config);

}  // namespace troupe
