// gguf_model_config of gguf_model.hpp: the metadata become a config.json, whose reader then decides what we compute.
#include <algorithm>
#include <array>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <cmath>
#include <limits>
#include <set>

#include "shards/model/config_fields.hpp"
#include "shards/model/gguf_families.hpp"
#include "shards/model/gguf_model.hpp"
#include "shards/model/gguf_rope.hpp"
#include "shards/model/model_config.hpp"

namespace troupe {
namespace {

namespace json = boost::json;

constexpr int64_t any_size = std::numeric_limits<uint32_t>::max();

/// A key of the metadata and of config.json that mean the same.
struct same_key {
  std::string_view in_file;  // after "llama."
  std::string_view in_config;
};

constexpr auto sizes = std::to_array<same_key>({{"embedding_length", "hidden_size"},
                                                {"block_count", "num_hidden_layers"},
                                                {"feed_forward_length", "intermediate_size"},
                                                {"context_length", "max_position_embeddings"},
                                                {"attention.head_count", "num_attention_heads"},
                                                {"attention.head_count_kv", "num_key_value_heads"},
                                                {"attention.key_length", "head_dim"},
                                                {"attention.sliding_window", "sliding_window"},
                                                {"attention.sliding_window_pattern", "sliding_window_pattern"},
                                                {"expert_count", "num_experts"},
                                                {"expert_count", "num_local_experts"},
                                                {"expert_used_count", "num_experts_per_tok"},
                                                {"expert_feed_forward_length", "moe_intermediate_size"}});

constexpr auto numbers = std::to_array<same_key>({{"attention.layer_norm_rms_epsilon", "rms_norm_eps"},
                                                  {"rope.freq_base", "rope_theta"},
                                                  {"rope.freq_base_swa", "rope_local_base_freq"},
                                                  {"attn_logit_softcapping", "attn_logit_softcapping"},
                                                  {"final_logit_softcapping", "final_logit_softcapping"}});

// Those that end an answer, and whole turns, by their names: files often give one alone a key of its own.
constexpr std::array<std::string_view, 7> turn_ends{"<|eot_id|>",    "<|eom_id|>",      "<|im_end|>",   "<|end|>",
                                                    "<|endoftext|>", "<|end_of_text|>", "<end_of_turn>"};

/// One file's metadata, by the keys of its architecture.
class config_builder {
 public:
  config_builder(const gguf_contents& file, const gguf_family& family) : file_(file), family_(family) {}

  result<json::object> build() {
    out_["architectures"] = json::array{family_.config_name};
    for (const auto& key : sizes) {
      TROUPE_ASSIGN(const auto value, file_.metadata.integer(key_of(key.in_file), 0, any_size));
      if (value.value_or(0) != 0) out_[key.in_config] = *value;
    }
    for (const auto& key : numbers) {
      TROUPE_ASSIGN(const auto value, file_.metadata.number(key_of(key.in_file)));
      if (value) out_[key.in_config] = *value;
    }
    // The one mixture whose config.json has a choice; its files have none.
    if (family_.has_experts) out_["norm_topk_prob"] = true;
    TROUPE_TRY(add_head_size());
    if (family_.gemma) add_gemma();
    TROUPE_TRY(add_gguf_rope(file_, family_.architecture, out_));
    TROUPE_TRY(add_vocabulary());
    out_["tie_word_embeddings"] = file_.find("output.weight") == nullptr;
    out_["attention_bias"] = file_.find("blk.0.attn_q.bias") != nullptr;
    return std::move(out_);
  }

 private:
  std::string key_of(std::string_view key) const { return std::string(family_.architecture) + "." + std::string(key); }

  /// A query's or a key's head, and how much of it is rotated.
  result<void> add_head_size() {
    TROUPE_ASSIGN(const auto key, file_.metadata.integer(key_of("attention.key_length"), 1, any_size));
    TROUPE_ASSIGN(const auto value, file_.metadata.integer(key_of("attention.value_length"), 1, any_size));
    TROUPE_ASSIGN(const auto rotated, file_.metadata.integer(key_of("rope.dimension_count"), 1, any_size));
    if (key && value && *key != *value) {
      return {errc::not_supported, key_of("attention.value_length") + " is " + std::to_string(*value) +
                                       ", not the key's length, " + std::to_string(*key)};
    }
    TROUPE_ASSIGN(const auto hidden, file_.metadata.integer(key_of("embedding_length"), 1, any_size));
    TROUPE_ASSIGN(const auto heads, file_.metadata.integer(key_of("attention.head_count"), 1, any_size));
    implied_head_ = hidden.value_or(0) / heads.value_or(1);
    head_ = key ? *key : implied_head_;
    if (rotated && head_ > 0 && *rotated != head_) out_["partial_rotary_factor"] = part_of_head(*rotated);
    return {};
  }

  /// The factor whose product with the head's size, cut to a whole number, is `rotated`.
  double part_of_head(int64_t rotated) const {
    const auto head = static_cast<double>(head_);
    const double part = static_cast<double>(rotated) / head;
    return static_cast<int64_t>(head * part) == rotated ? part : std::nextafter(part, 2.0);
  }

  void add_gemma() {
    const json::value* layers = out_.if_contains("num_hidden_layers");
    const bool wide = layers && layers->as_int64() == family_.layers_with_wide_scores;
    out_["query_pre_attn_scalar"] = wide ? implied_head_ : head_;
    // Without a window every layer sees everything.
    if (!out_.contains("sliding_window")) out_["sliding_window_pattern"] = 1;
  }

  result<void> add_vocabulary() {
    TROUPE_ASSIGN(const auto tokens, file_.metadata.strings("tokenizer.ggml.tokens"));
    TROUPE_ASSIGN(const auto stated, file_.metadata.integer(key_of("vocab_size"), 0, any_size));
    const tensor_view* embedding = file_.find("token_embd.weight");
    // Where there is an embedding, it decides; it lies in the file, so its size is no large number.
    out_["vocab_size"] = embedding ? static_cast<int64_t>(embedding->shape.front())
                                   : stated.value_or(static_cast<int64_t>(tokens.size()));
    TROUPE_ASSIGN(const auto bos, file_.metadata.integer("tokenizer.ggml.bos_token_id", 0, any_size));
    if (bos) out_["bos_token_id"] = *bos;

    std::set<int64_t> ends;
    for (std::string_view key :
         {"tokenizer.ggml.eos_token_id", "tokenizer.ggml.eot_token_id", "tokenizer.ggml.eom_token_id"}) {
      TROUPE_ASSIGN(const auto id, file_.metadata.integer(key, 0, any_size));
      if (id) ends.insert(*id);
    }
    TROUPE_ASSIGN(const auto types, file_.metadata.integers("tokenizer.ggml.token_type"));
    for (size_t id = 0; id < std::min(tokens.size(), types.size()); ++id) {
      // Control tokens (3) and those of the user (4): a text that only looks like one ends nothing.
      if ((types[id] == 3 || types[id] == 4) && std::ranges::find(turn_ends, tokens[id]) != turn_ends.end())
        ends.insert(static_cast<int64_t>(id));
    }
    out_["eos_token_id"] = json::array(ends.begin(), ends.end());
    return {};
  }

  const gguf_contents& file_;
  const gguf_family& family_;
  json::object out_;
  /// Of a query's or a key's head; hidden / heads.
  int64_t head_ = 0, implied_head_ = 0;
};

result<const gguf_family*> read_family(const gguf_contents& file) {
  TROUPE_ASSIGN(const auto kind, file.metadata.string("general.type"));
  if (kind && *kind != "model") {
    return error{errc::not_supported, "general.type is " + shown_text(*kind) + ": only whole models are supported"};
  }
  TROUPE_ASSIGN(const auto architecture, file.metadata.string("general.architecture"));
  if (!architecture) return error{errc::corrupt, "general.architecture is missing"};
  TROUPE_ASSIGN(const auto experts, file.metadata.integer(std::string(*architecture) + ".expert_count", 0, any_size));
  const bool has_experts = experts.value_or(0) != 0;
  if (const gguf_family* family = find_gguf_family(*architecture, has_experts)) return family;
  return error{errc::not_supported, "general.architecture is " + shown_text(*architecture) +
                                        (has_experts ? " with experts" : "") + "; supported are " +
                                        known_gguf_families()};
}

}  // namespace

result<model_config> gguf_model_config(const gguf_contents& file) {
  TROUPE_ASSIGN(const gguf_family* family, read_family(file));
  TROUPE_ASSIGN(const json::object object, config_builder(file, *family).build());
  auto config = parse_model_config(object);
  if (!config) return with_context(std::move(config).err(), "its metadata, as config.json has them");
  TROUPE_ASSIGN(config->rope.divisors, read_gguf_rope_divisors(file, config->rope.dims));
  if (family->gemma) config->norms_less_one = false;
  return config;
}

}  // namespace troupe
