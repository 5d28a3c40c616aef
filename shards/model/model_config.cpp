#include "shards/model/model_config.hpp"

#include <algorithm>
#include <array>
#include <limits>

#include "base/json.hpp"
#include "shards/model/config_fields.hpp"
#include "shards/model/gguf_file.hpp"
#include "shards/model/gguf_model.hpp"
#include "shards/model/quantise_model.hpp"

namespace troupe {
namespace {

namespace json = boost::json;

constexpr int64_t hidden_max = 65'536;
constexpr int64_t layers_max = 1024;
constexpr int64_t heads_max = 1024;
constexpr int64_t head_dim_max = 1024;
constexpr int64_t intermediate_max = 1 << 20;
constexpr int64_t vocab_max = 1 << 20;
constexpr int64_t context_limit = 1 << 24;

result<architecture> read_architecture(const config_fields& config) {
  const auto* names = config.find("architectures");
  if (!names) return config.missing("architectures");
  if (!names->is_array() || names->get_array().size() != 1 || !names->get_array()[0].is_string()) {
    return config.wrong("architectures", "a list of one name");
  }
  std::string_view text = names->get_array()[0].get_string();
  if (text == "LlamaForCausalLM") return architecture::llama;
  if (text == "Qwen2ForCausalLM") return architecture::qwen2;
  return config.unsupported("architectures", "only LlamaForCausalLM and Qwen2ForCausalLM are");
}

/// Only our own is read: what other tools write has its scales elsewhere.
result<void> check_quantisation(const config_fields& config) {
  TROUPE_ASSIGN(const json::object* object, config.object("quantization_config"));
  if (object == nullptr) return {};
  const config_fields quantisation(*object, config.path_of("quantization_config"));
  TROUPE_ASSIGN(const std::string method, quantisation.string("quant_method", ""));
  if (method != "troupe")
    return quantisation.unsupported("quant_method", "troupe model quantise makes what is: from the model before it");
  TROUPE_ASSIGN(const int64_t version, quantisation.integer("version", 0, 0, INT64_MAX));
  if (version != quantised_version) {
    return quantisation.unsupported(
        "version", "this program reads version " + std::to_string(quantised_version) + ": quantise the model anew");
  }
  return {};
}

/// Everything that would change the results and that we do not compute.
result<void> refuse_unsupported(const config_fields& config, uint32_t context_max) {
  TROUPE_ASSIGN(auto activation, config.string("hidden_act", "silu"));
  if (activation != "silu" && activation != "swish") return config.unsupported("hidden_act", "only silu is supported");
  TROUPE_TRY(check_quantisation(config));
  if (const auto* factor = config.find("partial_rotary_factor")) {
    if (!factor->is_number() || factor->to_number<double>() != 1.0) {
      return config.unsupported("partial_rotary_factor", "only whole heads are rotated");
    }
  }
  for (std::string_view key :
       {"mlp_bias", "use_mrope", "use_sliding_window", "is_encoder_decoder", "add_cross_attention"}) {
    TROUPE_ASSIGN(bool on, config.boolean(key, false));
    if (on) return config.unsupported(key, "this is not supported");
  }
  // Qwen2 files state a window that use_sliding_window turns off; alone it is on, unless no sequence is that long.
  if (config.find("sliding_window") && !config.find("use_sliding_window")) {
    TROUPE_ASSIGN(auto window, config.size("sliding_window", 0, std::numeric_limits<uint32_t>::max()));
    if (window < context_max) return config.unsupported("sliding_window", "attention windows are not supported");
  }
  if (const auto* types = config.find("layer_types")) {
    bool all_full = types->is_array() && std::ranges::all_of(types->get_array(), [](const json::value& type) {
                      return type.is_string() && type.get_string() == "full_attention";
                    });
    if (!all_full) return config.unsupported("layer_types", "only full_attention is supported");
  }
  return {};
}

/// transformers 4 has rope_theta and rope_scaling; transformers 5 puts both into rope_parameters.
result<void> read_rope(const config_fields& config, model_config& out) {
  TROUPE_ASSIGN(auto* scaling, config.object("rope_scaling"));
  TROUPE_ASSIGN(auto* parameters, config.object("rope_parameters"));
  if (scaling && parameters) return error{errc::corrupt, "rope_scaling and rope_parameters must not both be given"};
  TROUPE_ASSIGN(out.rope_theta, config.number("rope_theta", 10000, 1, 1e12));
  const json::object* object = scaling ? scaling : parameters;
  if (!object) return {};
  config_fields rope(*object, scaling ? "rope_scaling" : "rope_parameters");
  TROUPE_ASSIGN(out.rope_theta, rope.number("rope_theta", out.rope_theta, 1, 1e12));
  const char* key = rope.find("rope_type") ? "rope_type" : "type";
  TROUPE_ASSIGN(auto type, rope.string(key, "default"));
  if (type == "default") return {};
  if (type != "llama3") return rope.unsupported(key, "only default and llama3 are supported");

  for (std::string_view needed :
       {"factor", "low_freq_factor", "high_freq_factor", "original_max_position_embeddings"}) {
    if (!rope.find(needed)) return rope.missing(needed);
  }
  llama3_rope_scaling llama3;
  TROUPE_ASSIGN(llama3.factor, rope.number("factor", 0, 1, 1e6));
  TROUPE_ASSIGN(llama3.low_freq_factor, rope.number("low_freq_factor", 0, 1e-6, 1e6));
  TROUPE_ASSIGN(llama3.high_freq_factor, rope.number("high_freq_factor", 0, 1e-6, 1e6));
  TROUPE_ASSIGN(llama3.original_context, rope.size("original_max_position_embeddings", 1, context_limit));
  // The formula divides by their difference.
  if (llama3.high_freq_factor <= llama3.low_freq_factor) {
    return rope.wrong("high_freq_factor", "above low_freq_factor");
  }
  out.rope_scaling = llama3;
  return {};
}

result<void> read_tokens(const config_fields& config, model_config& out) {
  if (config.find("bos_token_id")) {
    TROUPE_ASSIGN(out.bos, config.size("bos_token_id", 0, int64_t{out.vocab_size} - 1));
  }
  TROUPE_ASSIGN(out.eos, config.token_ids("eos_token_id", out.vocab_size));
  return {};
}

std::optional<dtype> read_stated_dtype(const config_fields& config) {
  for (std::string_view key : {"torch_dtype", "dtype"}) {
    const auto* value = config.find(key);
    if (!value || !value->is_string()) continue;
    std::string_view text = value->get_string();
    if (text == "bfloat16") return dtype::bf16;
    if (text == "float16") return dtype::f16;
    if (text == "float32") return dtype::f32;
  }
  return std::nullopt;
}

result<void> read_sizes(const config_fields& config, model_config& out) {
  TROUPE_ASSIGN(out.hidden, config.size("hidden_size", 1, hidden_max));
  TROUPE_ASSIGN(out.layers, config.size("num_hidden_layers", 1, layers_max));
  TROUPE_ASSIGN(out.heads, config.size("num_attention_heads", 1, heads_max));
  TROUPE_ASSIGN(out.kv_heads, config.size("num_key_value_heads", 1, heads_max, out.heads));
  if (out.heads % out.kv_heads != 0) {
    return error{errc::corrupt, "num_attention_heads is " + std::to_string(out.heads) +
                                    ", not a multiple of num_key_value_heads, " + std::to_string(out.kv_heads)};
  }
  std::optional<uint32_t> implied;
  if (out.hidden % out.heads == 0) implied = out.hidden / out.heads;
  TROUPE_ASSIGN(out.head_dim, config.size("head_dim", 2, head_dim_max, implied));
  if (out.head_dim < 2 || out.head_dim > head_dim_max || out.head_dim % 2 != 0) {
    return error{errc::corrupt, "head_dim must be even and from 2 to " + std::to_string(head_dim_max) + ", but is " +
                                    std::to_string(out.head_dim)};
  }
  TROUPE_ASSIGN(out.intermediate, config.size("intermediate_size", 1, intermediate_max));
  TROUPE_ASSIGN(out.vocab_size, config.size("vocab_size", 1, vocab_max));
  TROUPE_ASSIGN(out.context_max, config.size("max_position_embeddings", 1, context_limit));
  return {};
}

}  // namespace

std::string_view name(architecture kind) { return kind == architecture::llama ? "llama" : "qwen2"; }

result<model_config> parse_model_config(const json::value& file) {
  if (!file.is_object()) return error{errc::corrupt, "not a JSON object"};
  config_fields config(file.get_object());
  model_config out;
  TROUPE_ASSIGN(out.kind, read_architecture(config));
  TROUPE_TRY(read_sizes(config, out));
  TROUPE_TRY(refuse_unsupported(config, out.context_max));
  TROUPE_ASSIGN(out.rms_eps, config.number("rms_norm_eps", 1e-6, 1e-12, 0.1));
  TROUPE_TRY(read_rope(config, out));
  TROUPE_ASSIGN(out.tied_embeddings, config.boolean("tie_word_embeddings", false));
  TROUPE_ASSIGN(bool attention_bias, config.boolean("attention_bias", false));
  out.qkv_bias = out.kind == architecture::qwen2 || attention_bias;
  out.output_bias = out.kind == architecture::llama && attention_bias;
  TROUPE_TRY(read_tokens(config, out));
  out.stated_dtype = read_stated_dtype(config);
  return out;
}

result<model_config> read_model_config(const std::string& folder) {
  TROUPE_ASSIGN(const auto gguf, gguf_path(folder));
  if (gguf) {
    TROUPE_ASSIGN(const gguf_file file, gguf_file::open(*gguf));
    auto config = gguf_model_config(file.contents);
    if (!config) return with_context(std::move(config).err(), *gguf);
    return config;
  }
  const std::string path = folder + "/config.json";
  TROUPE_ASSIGN(auto file, read_json_file(path, {.bytes_max = 4 << 20, .depth_max = 64}));
  auto config = parse_model_config(file);
  if (!config) return with_context(std::move(config).err(), path);
  return config;
}

bool can_split(const model_config& config, uint32_t tp) {
  constexpr std::array<uint32_t, 4> widths{1, 2, 4, 8};
  return std::ranges::find(widths, tp) != widths.end() && config.heads % tp == 0 &&
         (config.kv_heads % tp == 0 || tp % config.kv_heads == 0);
}

uint64_t parameter_count(const model_config& config) {
  const uint64_t hidden = config.hidden, q = config.q_size(), kv = config.kv_size();
  uint64_t layer = 2 * hidden + 2 * q * hidden + 2 * kv * hidden + 3 * hidden * config.intermediate;
  if (config.qkv_bias) layer += q + 2 * kv;
  if (config.output_bias) layer += hidden;
  uint64_t embeddings = hidden * config.vocab_size * (config.tied_embeddings ? 1 : 2);
  return layer * config.layers + embeddings + hidden;
}

}  // namespace troupe
