// gguf_model_config of gguf_model.hpp: the metadata become a config.json, whose reader then decides what we compute.
#include <algorithm>
#include <array>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <cmath>
#include <limits>
#include <set>

#include "shards/model/gguf_families.hpp"
#include "shards/model/gguf_model.hpp"
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

constexpr std::array<same_key, 8> sizes{{{"embedding_length", "hidden_size"},
                                         {"block_count", "num_hidden_layers"},
                                         {"feed_forward_length", "intermediate_size"},
                                         {"context_length", "max_position_embeddings"},
                                         {"attention.head_count", "num_attention_heads"},
                                         {"attention.head_count_kv", "num_key_value_heads"},
                                         {"attention.key_length", "head_dim"},
                                         {"attention.sliding_window", "sliding_window"}}};

constexpr std::array<same_key, 2> numbers{
    {{"attention.layer_norm_rms_epsilon", "rms_norm_eps"}, {"rope.freq_base", "rope_theta"}}};

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
    TROUPE_TRY(refuse_experts());
    TROUPE_TRY(add_head_size());
    TROUPE_TRY(add_rope_scaling());
    TROUPE_TRY(add_vocabulary());
    out_["tie_word_embeddings"] = file_.find("output.weight") == nullptr;
    out_["attention_bias"] = file_.find("blk.0.attn_q.bias") != nullptr;
    return std::move(out_);
  }

 private:
  std::string key_of(std::string_view key) const { return std::string(family_.architecture) + "." + std::string(key); }

  result<void> refuse_experts() const {
    TROUPE_ASSIGN(const auto experts, file_.metadata.integer(key_of("expert_count"), 0, any_size));
    if (experts.value_or(0) == 0) return {};
    return {errc::not_supported,
            key_of("expert_count") + " is " + std::to_string(*experts) + ": mixtures of experts are not supported"};
  }

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
    const int64_t head = key ? *key : hidden.value_or(0) / heads.value_or(1);
    if (rotated && head > 0 && *rotated != head)
      out_["partial_rotary_factor"] = static_cast<double>(*rotated) / static_cast<double>(head);
    return {};
  }

  result<void> add_rope_scaling() {
    TROUPE_ASSIGN(const auto type, file_.metadata.string(key_of("rope.scaling.type")));
    TROUPE_ASSIGN(const auto factor, file_.metadata.number(key_of("rope.scaling.factor")));
    TROUPE_ASSIGN(const auto old_factor, file_.metadata.number(key_of("rope.scale_linear")));
    TROUPE_ASSIGN(const auto original,
                  file_.metadata.integer(key_of("rope.scaling.original_context_length"), 0, any_size));
    const bool linear = !type && old_factor.value_or(1) != 1;
    if (!linear && (!type || *type == "none")) return {};
    // The others have parameters of their own here.
    if (type && *type != "linear") {
      return {errc::not_supported, key_of("rope.scaling.type") + " is " + std::string(type->substr(0, 100)) +
                                       ": only none and linear are supported"};
    }
    json::object scaling{{"rope_type", linear ? std::string_view("linear") : *type}};
    if (linear || factor) scaling["factor"] = linear ? *old_factor : *factor;
    if (original) scaling["original_max_position_embeddings"] = *original;
    out_["rope_scaling"] = std::move(scaling);
    return {};
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
};

/// Llama 3.1's scaling is stored as what it divides each frequency by.
result<std::vector<float>> read_rope_divisors(const gguf_contents& file, uint32_t dims) {
  std::vector<float> out;
  const tensor_view* table = file.find("rope_freqs.weight");
  if (!table) return out;
  if (table->type != dtype::f32 || table->elements() != dims / 2) {
    return error{errc::corrupt, "tensor rope_freqs.weight of " + std::string(name(table->type)) + " has shape " +
                                    shape_text(table->shape) + ", expected F32 and [" + std::to_string(dims / 2) + "]"};
  }
  out.resize(dims / 2);
  read_f32(*table, 0, out);
  for (float divisor : out) {
    if (!(divisor >= 1e-6F && divisor <= 1e6F)) {
      return error{errc::corrupt,
                   "tensor rope_freqs.weight holds " + std::to_string(divisor) + ", expected numbers from 1e-6 to 1e6"};
    }
  }
  return out;
}

}  // namespace

result<model_config> gguf_model_config(const gguf_contents& file) {
  TROUPE_ASSIGN(const auto kind, file.metadata.string("general.type"));
  if (kind && *kind != "model") {
    return error{errc::not_supported, "general.type is " + std::string(*kind) + ": only whole models are supported"};
  }
  TROUPE_ASSIGN(const auto architecture, file.metadata.string("general.architecture"));
  if (!architecture) return error{errc::corrupt, "general.architecture is missing"};
  const gguf_family* family = find_gguf_family(*architecture);
  if (!family) {
    return error{errc::not_supported, "general.architecture is " + std::string(architecture->substr(0, 100)) +
                                          ": only " + known_gguf_families() + " are supported"};
  }
  TROUPE_ASSIGN(const json::object object, config_builder(file, *family).build());
  auto config = parse_model_config(object);
  if (!config) return with_context(std::move(config).err(), "its metadata, as config.json has them");
  TROUPE_ASSIGN(config->rope.divisors, read_rope_divisors(file, config->rope.dims));
  return config;
}

}  // namespace troupe
