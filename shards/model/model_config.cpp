#include "shards/model/model_config.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "base/json.hpp"
#include "shards/model/config_fields.hpp"
#include "shards/model/gguf_file.hpp"
#include "shards/model/gguf_model.hpp"
#include "shards/model/layer_experts.hpp"
#include "shards/model/layer_windows.hpp"
#include "shards/model/model_family.hpp"
#include "shards/model/model_ropes.hpp"
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

result<const model_family*> read_family(const config_fields& config) {
  const auto* names = config.find("architectures");
  if (!names) return config.missing("architectures");
  if (!names->is_array() || names->get_array().size() != 1 || !names->get_array()[0].is_string()) {
    return config.wrong("architectures", "a list of one name");
  }
  if (const model_family* found = find_family(names->get_array()[0].get_string())) return found;
  return config.unsupported("architectures", "supported are " + supported_class_names());
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

result<activation> read_activation(const config_fields& config, const model_family& family) {
  const char* key = family.gemma ? "hidden_activation" : "hidden_act";
  TROUPE_ASSIGN(const auto text, config.string(key, family.gemma ? "gelu_pytorch_tanh" : "silu"));
  if (text == "silu" || text == "swish") return activation::silu;
  if (text == "gelu_pytorch_tanh") return activation::gelu_tanh;
  return config.unsupported(key, "only silu and gelu_pytorch_tanh are supported");
}

/// Everything that would change the results and that we do not compute.
result<void> refuse_unsupported(const config_fields& config) {
  TROUPE_TRY(check_quantisation(config));
  for (std::string_view key : {"mlp_bias", "lm_head_bias", "use_mrope", "is_encoder_decoder", "add_cross_attention",
                               "use_bidirectional_attention"}) {
    TROUPE_ASSIGN(bool on, config.boolean(key, false));
    if (on) return config.unsupported(key, "this is not supported");
  }
  return {};
}

/// A cap, of a family that has it; null says that there is none, and so does 0 here.
result<double> read_softcap(const config_fields& config, std::string_view key, std::optional<double> otherwise) {
  if (!otherwise || (config.given(key) && !config.find(key))) return 0.0;
  if (!config.find(key)) return *otherwise;
  return config.number(key, 0, 1e-3, 1e6);
}

/// What attention does with scores, and what becomes of the logits.
result<void> read_scores(const config_fields& config, const model_family& family, model_config& out) {
  out.score_scalar = out.head_dim;
  if (family.query_pre_attn_scalar) {
    TROUPE_ASSIGN(out.score_scalar, config.number("query_pre_attn_scalar", *family.query_pre_attn_scalar, 1e-3, 1e6));
  }
  if (family.gemma && !family.attn_logit_softcapping && config.find("attn_logit_softcapping")) {
    return config.unsupported("attn_logit_softcapping", "models of this family do not cap scores");
  }
  TROUPE_ASSIGN(out.score_softcap, read_softcap(config, "attn_logit_softcapping", family.attn_logit_softcapping));
  TROUPE_ASSIGN(out.logits_softcap, read_softcap(config, "final_logit_softcapping", family.final_logit_softcapping));
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

result<void> read_sizes(const config_fields& config, const model_family& family, model_config& out) {
  TROUPE_ASSIGN(out.hidden, config.size("hidden_size", 1, hidden_max));
  TROUPE_ASSIGN(out.layers, config.size("num_hidden_layers", 1, layers_max));
  TROUPE_ASSIGN(out.heads, config.size("num_attention_heads", 1, heads_max));
  TROUPE_ASSIGN(out.kv_heads, config.size("num_key_value_heads", 1, heads_max, out.heads));
  if (out.heads % out.kv_heads != 0) {
    return error{errc::corrupt, "num_attention_heads is " + std::to_string(out.heads) +
                                    ", not a multiple of num_key_value_heads, " + std::to_string(out.kv_heads)};
  }
  std::optional<uint32_t> implied;
  if (family.head_dim != 0) {
    implied = family.head_dim;
  } else if (out.hidden % out.heads == 0) {
    implied = out.hidden / out.heads;
  }
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

result<model_config> parse_model_config(const json::value& file) {
  if (!file.is_object()) return error{errc::corrupt, "not a JSON object"};
  config_fields config(file.get_object());
  TROUPE_ASSIGN(const model_family* family, read_family(config));
  model_config out;
  out.kind = family->kind;
  TROUPE_TRY(read_sizes(config, *family, out));
  TROUPE_TRY(refuse_unsupported(config));
  TROUPE_ASSIGN(out.gate, read_activation(config, *family));
  TROUPE_ASSIGN(const layer_windows windows, read_layer_windows(config, *family, out.layers, out.context_max));
  out.window = windows.window;
  out.sliding = windows.sliding;
  TROUPE_ASSIGN(layer_experts mixtures, read_layer_experts(config, *family, out.layers, out.intermediate));
  out.experts = mixtures.experts;
  out.sparse = std::move(mixtures.sparse);
  TROUPE_ASSIGN(out.rms_eps, config.number("rms_norm_eps", family->rms_eps, 1e-12, 0.1));
  TROUPE_ASSIGN(const model_ropes ropes, read_ropes(config, *family, out.head_dim, out.context_max));
  out.rope = ropes.rope;
  out.sliding_rope = ropes.sliding;
  TROUPE_TRY(read_scores(config, *family, out));
  TROUPE_ASSIGN(out.tied_embeddings, config.boolean("tie_word_embeddings", family->tied_embeddings));
  TROUPE_ASSIGN(bool attention_bias, config.boolean("attention_bias", false));
  out.output_bias = family->biases == bias_rule::all_if_attention_bias && attention_bias;
  out.qkv_bias = family->biases == bias_rule::qkv || out.output_bias;
  out.qk_norm = family->qk_norm;
  if (family->gemma) out.embedding_scale = std::sqrt(static_cast<double>(out.hidden));
  out.norms_less_one = family->gemma;
  out.output_norms = family->gemma;
  out.fused_projections = family->fused_projections;
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

}  // namespace troupe
