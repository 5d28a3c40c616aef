#include "shards/model/llama2c_import.hpp"

#include <array>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <cstring>
#include <filesystem>
#include <optional>
#include <vector>

#include "base/json.hpp"
#include "shards/model/files.hpp"
#include "shards/model/safetensors.hpp"

namespace troupe {
namespace {

namespace json = boost::json;

constexpr uint32_t version_magic = 0x616b3432;  // "ak42"
constexpr size_t legacy_header_bytes = 28;
constexpr size_t v1_header_bytes = 256;
constexpr int64_t size_max = 1 << 20;
constexpr int64_t layers_max = 1024;

error damaged(std::string detail) { return {errc::corrupt, std::move(detail)}; }

int32_t int_at(std::span<const std::byte> file, size_t at) {
  int32_t value = 0;
  std::memcpy(&value, file.data() + at, sizeof value);
  return value;
}

/// The seven ints at `at`, which both layouts have.
result<llama2c_checkpoint> parse_sizes(std::span<const std::byte> file, uint32_t version, size_t at) {
  struct field {
    const char* name;
    uint32_t llama2c_checkpoint::*member;
    int64_t most;
  };
  static constexpr std::array<field, 7> fields{{{"dim", &llama2c_checkpoint::dim, 65536},
                                                {"hidden_dim", &llama2c_checkpoint::hidden_dim, size_max},
                                                {"n_layers", &llama2c_checkpoint::layers, layers_max},
                                                {"n_heads", &llama2c_checkpoint::heads, 1024},
                                                {"n_kv_heads", &llama2c_checkpoint::kv_heads, 1024},
                                                {"vocab_size", &llama2c_checkpoint::vocab_size, size_max},
                                                {"seq_len", &llama2c_checkpoint::context, 1 << 24}}};
  llama2c_checkpoint out;
  out.version = version;
  for (size_t i = 0; i < fields.size(); ++i) {
    int64_t value = int_at(file, at + 4 * i);
    // Legacy files say "untied" by a negative vocabulary size.
    if (fields[i].member == &llama2c_checkpoint::vocab_size && version == 0) {
      out.tied = value > 0;
      value = value < 0 ? -value : value;
    }
    if (value < 1 || value > fields[i].most) {
      return damaged("not a llama2.c checkpoint: the header's " + std::string(fields[i].name) + " is " +
                     std::to_string(value) + ", must be 1 to " + std::to_string(fields[i].most));
    }
    out.*fields[i].member = static_cast<uint32_t>(value);
  }
  if (out.dim % out.heads != 0 || out.dim / out.heads % 2 != 0 || out.heads % out.kv_heads != 0) {
    return damaged("not a llama2.c checkpoint: dim " + std::to_string(out.dim) + ", n_heads " +
                   std::to_string(out.heads) + " and n_kv_heads " + std::to_string(out.kv_heads) +
                   " do not fit each other");
  }
  return out;
}

result<llama2c_checkpoint> parse_header(std::span<const std::byte> file) {
  if (file.size() < legacy_header_bytes) {
    return damaged("the file has " + std::to_string(file.size()) + " bytes, too few for a llama2.c checkpoint");
  }
  if (static_cast<uint32_t>(int_at(file, 0)) != version_magic) return parse_sizes(file, 0, 0);
  if (file.size() < v1_header_bytes) return damaged("the file ends inside its header");
  int32_t version = int_at(file, 4);
  if (version != 1) {
    return error{errc::not_supported, "llama2.c checkpoints of version " + std::to_string(version) +
                                          " are not supported, only 0 (legacy) and 1 (f32)"};
  }
  TROUPE_ASSIGN(auto out, parse_sizes(file, 1, 8));
  const auto shared = std::to_integer<uint8_t>(file[36]);
  if (shared > 1) return damaged("the header's shared_classifier is " + std::to_string(shared) + ", must be 0 or 1");
  out.tied = shared == 1;
  return out;
}

/// Hands out the file's floats one tensor after the other. What is past the end is noticed once, at the end.
class float_reader {
 public:
  explicit float_reader(std::span<const std::byte> data) : data_(data) {}

  /// The sizes' bounds keep the product below 2^62.
  std::span<const std::byte> take(uint64_t a, uint64_t b = 1, uint64_t c = 1) {
    const uint64_t begin = used_;
    used_ += 4 * a * b * c;
    return used_ <= data_.size() ? data_.subspan(begin, used_ - begin) : std::span<const std::byte>();
  }
  uint64_t used() const { return used_; }

 private:
  std::span<const std::byte> data_;
  uint64_t used_ = 0;
};

uint64_t kv_size(const llama2c_checkpoint& model) { return uint64_t{model.dim} / model.heads * model.kv_heads; }

void take_attention(float_reader& reader, llama2c_checkpoint& out) {
  out.wq = reader.take(out.layers, out.dim, out.dim);
  out.wk = reader.take(out.layers, kv_size(out), out.dim);
  out.wv = reader.take(out.layers, kv_size(out), out.dim);
  out.wo = reader.take(out.layers, out.dim, out.dim);
}

void take_feed_forward(float_reader& reader, llama2c_checkpoint& out) {
  out.w1 = reader.take(out.layers, out.hidden_dim, out.dim);
  out.w2 = reader.take(out.layers, out.dim, out.hidden_dim);
  out.w3 = reader.take(out.layers, out.hidden_dim, out.dim);
}

/// Both orders are those of llama2.c's export.py: legacy_export and version1_export.
void take_weights(float_reader& reader, llama2c_checkpoint& out) {
  if (out.version == 0) {
    out.embedding = reader.take(out.vocab_size, out.dim);
    out.attention_norm = reader.take(out.layers, out.dim);
    take_attention(reader, out);
    out.ffn_norm = reader.take(out.layers, out.dim);
    take_feed_forward(reader, out);
    out.final_norm = reader.take(out.dim);
    // freq_cis_real and freq_cis_imag: tables that everybody computes anew.
    reader.take(out.context, out.dim / out.heads / 2, 2);
  } else {
    out.attention_norm = reader.take(out.layers, out.dim);
    out.ffn_norm = reader.take(out.layers, out.dim);
    out.final_norm = reader.take(out.dim);
    out.embedding = reader.take(out.vocab_size, out.dim);
    take_attention(reader, out);
    take_feed_forward(reader, out);
  }
  if (!out.tied) out.classifier = reader.take(out.vocab_size, out.dim);
}

/// llama2.c rotates neighbours (rows 2i and 2i + 1 of a head), transformers rows i and i + head_dim / 2: the rows of
/// each head are reordered. As in transformers' convert_llama_weights_to_hf.py, permute().
std::vector<std::byte> halves_from_pairs(std::span<const std::byte> rows, uint64_t heads, uint64_t head_dim,
                                         uint64_t row_bytes) {
  std::vector<std::byte> out(rows.size());
  for (uint64_t head = 0; head < heads; ++head) {
    for (uint64_t i = 0; i < head_dim; ++i) {
      const uint64_t from = head * head_dim + i;
      const uint64_t to = head * head_dim + (i % 2) * (head_dim / 2) + i / 2;
      std::memcpy(out.data() + to * row_bytes, rows.data() + from * row_bytes, row_bytes);
    }
  }
  return out;
}

result<void> write_weights(const llama2c_checkpoint& model, const std::string& path) {
  const uint64_t dim = model.dim, hidden = model.hidden_dim, kv = kv_size(model);
  std::vector<tensor_view> tensors;
  std::vector<std::vector<std::byte>> reordered;
  reordered.reserve(2 * size_t{model.layers});
  auto add = [&](std::string name, std::vector<uint64_t> shape, std::span<const std::byte> data) {
    tensors.push_back({std::move(name), dtype::f32, std::move(shape), data});
  };
  add("model.embed_tokens.weight", {model.vocab_size, dim}, model.embedding);
  for (uint32_t layer = 0; layer < model.layers; ++layer) {
    const std::string prefix = "model.layers." + std::to_string(layer) + ".";
    auto of_layer = [&](std::span<const std::byte> all) {
      const size_t bytes = all.size() / model.layers;
      return all.subspan(layer * bytes, bytes);
    };
    auto add_reordered = [&](const char* suffix, uint64_t heads, std::span<const std::byte> all) {
      const uint64_t head_dim = dim / model.heads;
      reordered.push_back(halves_from_pairs(of_layer(all), heads, head_dim, 4 * dim));
      add(prefix + suffix, {heads * head_dim, dim}, reordered.back());
    };
    add(prefix + "input_layernorm.weight", {dim}, of_layer(model.attention_norm));
    add_reordered("self_attn.q_proj.weight", model.heads, model.wq);
    add_reordered("self_attn.k_proj.weight", model.kv_heads, model.wk);
    add(prefix + "self_attn.v_proj.weight", {kv, dim}, of_layer(model.wv));
    add(prefix + "self_attn.o_proj.weight", {dim, dim}, of_layer(model.wo));
    add(prefix + "post_attention_layernorm.weight", {dim}, of_layer(model.ffn_norm));
    add(prefix + "mlp.gate_proj.weight", {hidden, dim}, of_layer(model.w1));
    add(prefix + "mlp.up_proj.weight", {hidden, dim}, of_layer(model.w3));
    add(prefix + "mlp.down_proj.weight", {dim, hidden}, of_layer(model.w2));
  }
  add("model.norm.weight", {dim}, model.final_norm);
  if (!model.tied) add("lm_head.weight", {model.vocab_size, dim}, model.classifier);
  return write_safetensors(path, tensors);
}

/// llama2.c's sentencepiece models have <unk>, <s> and </s> at 0, 1 and 2. Its run.c ends an answer at <s>: the
/// training texts follow each other with nothing but that between them, so both it and </s> end ours.
constexpr uint32_t bos = 1, eos = 2;

json::object config_of(const llama2c_checkpoint& model) {
  return {{"architectures", json::array{"LlamaForCausalLM"}},
          {"model_type", "llama"},
          {"hidden_size", model.dim},
          {"intermediate_size", model.hidden_dim},
          {"num_hidden_layers", model.layers},
          {"num_attention_heads", model.heads},
          {"num_key_value_heads", model.kv_heads},
          {"head_dim", model.dim / model.heads},
          {"vocab_size", model.vocab_size},
          {"max_position_embeddings", model.context},
          {"hidden_act", "silu"},
          // Fixed in llama2.c's run.c.
          {"rms_norm_eps", 1e-5},
          {"rope_theta", 10000.0},
          {"rope_scaling", nullptr},
          {"attention_bias", false},
          {"mlp_bias", false},
          {"tie_word_embeddings", model.tied},
          {"bos_token_id", bos},
          {"eos_token_id", eos},
          {"torch_dtype", "float32"}};
}

/// The text of a token as tokenizer.json knows it, so that the two files agree.
std::optional<std::string> special_token(const json::object& tokenizer, uint32_t id) {
  const auto* added = tokenizer.if_contains("added_tokens");
  if (!added || !added->is_array()) return std::nullopt;
  for (const auto& token : added->get_array()) {
    if (!token.is_object()) continue;
    const auto* token_id = token.get_object().if_contains("id");
    const auto* content = token.get_object().if_contains("content");
    if (token_id && content && content->is_string() && json_integer(*token_id) == int64_t{id}) {
      return std::string(content->get_string());
    }
  }
  return std::nullopt;
}

json::object tokenizer_config_of(const llama2c_checkpoint& model, const json::object& tokenizer) {
  json::object out{{"add_bos_token", special_token(tokenizer, bos).has_value()},
                   {"add_eos_token", false},
                   {"clean_up_tokenization_spaces", false},
                   {"model_max_length", model.context},
                   {"tokenizer_class", "PreTrainedTokenizerFast"}};
  for (auto [key, id] : {std::pair{"unk_token", 0U}, std::pair{"bos_token", bos}, std::pair{"eos_token", eos}}) {
    if (auto text = special_token(tokenizer, id)) out[key] = *text;
  }
  return out;
}

result<void> write_json(const std::string& path, const json::object& value) {
  const std::string text = json::serialize(value) + "\n";
  const std::array<std::span<const std::byte>, 1> pieces{std::as_bytes(std::span(text))};
  return write_file(path, pieces);
}

}  // namespace

result<llama2c_checkpoint> parse_llama2c(std::span<const std::byte> file) {
  TROUPE_ASSIGN(auto out, parse_header(file));
  const size_t header_bytes = out.version == 0 ? legacy_header_bytes : v1_header_bytes;
  float_reader reader(file.subspan(header_bytes));
  take_weights(reader, out);
  if (reader.used() != file.size() - header_bytes) {
    return damaged("the file has " + std::to_string(file.size()) + " bytes, but its header describes " +
                   std::to_string(header_bytes + reader.used()));
  }
  return out;
}

result<uint32_t> llama2c_vocab_size(const std::string& checkpoint_path) {
  TROUPE_ASSIGN(auto file, mapped_file::open(checkpoint_path));
  auto header = parse_header(file->bytes());
  if (!header) return with_context(std::move(header).err(), checkpoint_path);
  return header->vocab_size;
}

result<void> import_llama2c(const std::string& checkpoint_path, const json::object& tokenizer_json,
                            const std::string& out_folder) {
  TROUPE_ASSIGN(auto file, mapped_file::open(checkpoint_path));
  auto model = parse_llama2c(file->bytes());
  if (!model) return with_context(std::move(model).err(), checkpoint_path);

  std::error_code failure;
  const std::string config_path = out_folder + "/config.json";
  if (std::filesystem::exists(config_path, failure)) return error{errc::conflict, config_path + " exists already"};
  std::filesystem::create_directories(out_folder, failure);
  if (failure) return error{errc::io_failed, out_folder + ": cannot be made: " + failure.message()};

  TROUPE_TRY(write_weights(*model, out_folder + "/model.safetensors"));
  TROUPE_TRY(write_json(out_folder + "/tokenizer.json", tokenizer_json));
  TROUPE_TRY(write_json(out_folder + "/tokenizer_config.json", tokenizer_config_of(*model, tokenizer_json)));
  TROUPE_TRY(write_json(out_folder + "/generation_config.json",
                        {{"bos_token_id", bos}, {"eos_token_id", json::array{bos, eos}}}));
  // Last: a folder with a config.json is complete.
  return write_json(config_path, config_of(*model));
}

}  // namespace troupe
