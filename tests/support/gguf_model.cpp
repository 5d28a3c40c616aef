#include "tests/support/gguf_model.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <map>
#include <numbers>
#include <stdexcept>

#include "base/json.hpp"
#include "shards/model/model_config.hpp"
#include "shards/model/model_parts.hpp"
#include "shards/model/safetensors.hpp"
#include "shards/model/weight_files.hpp"
#include "tests/support/ggml_quantise.hpp"

namespace troupe::test {
namespace {

namespace json = boost::json;

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  const size_t at = text.find(from);
  return at == std::string::npos ? text : text.replace(at, from.size(), to);
}

/// transformers' name as llama.cpp's converter writes it.
std::string gguf_name(std::string name, const model_config& config) {
  const bool four_norms = config.output_norms;
  for (const auto& [from, to] : {std::pair{"model.embed_tokens", "token_embd"},
                                 {"model.norm", "output_norm"},
                                 {"lm_head", "output"},
                                 {"model.layers.", "blk."},
                                 {"input_layernorm", "attn_norm"},
                                 {"post_attention_layernorm", four_norms ? "post_attention_norm" : "ffn_norm"},
                                 {"pre_feedforward_layernorm", "ffn_norm"},
                                 {"post_feedforward_layernorm", "post_ffw_norm"},
                                 {"self_attn.o_proj", "attn_output"},
                                 {"self_attn.", "attn_"},
                                 {"mlp.gate_up_proj", "ffn_up"},
                                 {"mlp.gate.", "ffn_gate_inp."},
                                 {"block_sparse_moe.gate.", "ffn_gate_inp."},
                                 {"mlp.", "ffn_"},
                                 {"_proj", ""}})
    name = replaced(name, from, to);
  return name;
}

std::string architecture_of(const model_config& config) {
  switch (config.kind) {
    case architecture::mistral:
    case architecture::mixtral: return "llama";
    case architecture::qwen3_moe: return "qwen3moe";
    default: return std::string(name(config.kind));
  }
}

/// The rows of each head from halves to pairs, as convert_hf_to_gguf.py's LlamaModel.permute.
std::vector<float> paired(const std::vector<float>& values, uint64_t rows, uint64_t head_dim) {
  const uint64_t width = values.size() / rows, half = head_dim / 2;
  std::vector<float> out;
  out.reserve(values.size());
  for (uint64_t head = 0; head < rows; head += head_dim) {
    for (uint64_t i = 0; i < head_dim; ++i) {
      const uint64_t from = head + i % 2 * half + i / 2;
      out.insert(out.end(), values.begin() + static_cast<std::ptrdiff_t>(from * width),
                 values.begin() + static_cast<std::ptrdiff_t>((from + 1) * width));
    }
  }
  return out;
}

dtype stored_type(const tensor_view& tensor, dtype wanted) {
  if (tensor.shape.size() == 1) return dtype::f32;
  return tensor.shape.back() % block_elements(wanted) == 0 ? wanted : dtype::q8_0;
}

json::object object_of(const std::string& path) { return read_json_file(path).value().as_object(); }

void add_config(gguf_writer& out, const model_config& config, const std::string& name) {
  out.text("general.architecture", name);
  out.u32("general.quantization_version", 2);
  out.u32(name + ".embedding_length", config.hidden);
  out.u32(name + ".block_count", config.layers);
  out.u32(name + ".feed_forward_length", config.intermediate);
  out.u32(name + ".context_length", config.context_max);
  out.u32(name + ".attention.head_count", config.heads);
  out.u32(name + ".attention.head_count_kv", config.kv_heads);
  out.u32(name + ".attention.key_length", config.head_dim);
  out.u32(name + ".attention.value_length", config.head_dim);
  out.u32(name + ".rope.dimension_count", config.rope.dims);
  out.f32(name + ".rope.freq_base", static_cast<float>(config.rope.theta));
  out.f32(name + ".attention.layer_norm_rms_epsilon", static_cast<float>(config.rms_eps));
  if (config.score_softcap != 0) out.f32(name + ".attn_logit_softcapping", static_cast<float>(config.score_softcap));
  if (config.logits_softcap != 0) out.f32(name + ".final_logit_softcapping", static_cast<float>(config.logits_softcap));
  if (const auto& experts = config.experts) {
    out.u32(name + ".expert_count", experts->count);
    out.u32(name + ".expert_used_count", experts->used);
    out.u32(name + ".expert_feed_forward_length", experts->intermediate);
  }
}

/// Of families whose files have them.
void add_windows(gguf_writer& out, const model_config& config, const std::string& name, const json::object& file) {
  if (name != "phi3" && !config.output_norms) return;
  out.u32(name + ".attention.sliding_window", config.window);
  if (const auto* pattern = file.if_contains("sliding_window_pattern"))
    out.u32(name + ".attention.sliding_window_pattern", static_cast<uint32_t>(pattern->as_int64()));
  if (config.sliding_rope) out.f32(name + ".rope.freq_base_swa", static_cast<float>(config.sliding_rope->theta));
}

void add_table(gguf_writer& out, const char* name, const std::vector<double>& values) {
  const std::vector<float> rounded(values.begin(), values.end());
  const uint64_t shape[] = {values.size()};
  out.tensor(name, shape, ggml_number(dtype::f32), quantised(dtype::f32, rounded));
}

/// What llama3 scaling divides each frequency by (transformers, _compute_llama3_parameters).
std::vector<double> llama3_divisors(const model_config& config, const llama3_rope_scaling& scaling) {
  std::vector<double> divisors;
  for (uint32_t i = 0; i < config.head_dim; i += 2) {
    const double wavelength = 2 * std::numbers::pi * std::pow(config.rope.theta, double(i) / config.head_dim);
    const double original = scaling.original_context;
    const double smooth =
        (original / wavelength - scaling.low_freq_factor) / (scaling.high_freq_factor - scaling.low_freq_factor);
    const double clamped = std::min(1.0, std::max(0.0, smooth));
    divisors.push_back(1 / ((1 - clamped) / scaling.factor + clamped));
  }
  return divisors;
}

void add_rope(gguf_writer& out, const model_config& config, const std::string& name, bool llama3_table) {
  const std::string prefix = name + ".rope.scaling.";
  if (const auto* linear = std::get_if<linear_rope_scaling>(&config.rope.scaling)) {
    out.text(prefix + "type", "linear");
    out.f32(prefix + "factor", static_cast<float>(linear->factor));
  }
  if (const auto* llama3 = std::get_if<llama3_rope_scaling>(&config.rope.scaling); llama3 && llama3_table)
    add_table(out, "rope_freqs.weight", llama3_divisors(config, *llama3));
  if (const auto* longrope = std::get_if<longrope_scaling>(&config.rope.scaling)) {
    add_table(out, "rope_factors_long.weight", longrope->long_factors);
    add_table(out, "rope_factors_short.weight", longrope->short_factors);
    out.u32(prefix + "original_context_length", longrope->original_context);
    const double by = config.context_max / static_cast<double>(longrope->original_context);
    out.f32(prefix + "attn_factor",
            static_cast<float>(std::sqrt(1 + std::log(by) / std::log(longrope->original_context))));
  }
}

std::vector<float> values_of(const model_config& config, const std::string& name, const tensor_view& tensor) {
  std::vector<float> values(tensor.elements());
  read_f32(tensor, 0, values);
  const bool is_query_or_key = name.find("q_proj") != name.npos || name.find("k_proj") != name.npos;
  if (is_query_or_key && architecture_of(config) == "llama")
    values = paired(values, tensor.shape.front(), config.head_dim);
  if (config.norms_less_one && name.ends_with("norm.weight")) {
    for (float& value : values) value += 1;
  }
  return values;
}

/// The matrices of all experts of a layer, one after the other, in one tensor.
void add_experts(gguf_writer& out, const model_config& config, uint32_t layer, const weight_files& files, dtype type) {
  const layer_parts parts = parts_of_layer(config, layer);
  for (const auto& [stem, part] :
       {std::pair{"gate", &mlp_parts::gate}, {"up", &mlp_parts::up}, {"down", &mlp_parts::down}}) {
    std::string bytes;
    std::vector<uint64_t> shape;
    dtype stored = type;
    for (const mlp_parts& mlp : parts.mlps) {
      const tensor_view& tensor = *files.find((mlp.*part).name);
      stored = stored_type(tensor, type);
      shape = {parts.mlps.size(), tensor.shape[0], tensor.shape[1]};
      bytes += quantised(stored, values_of(config, tensor.name, tensor));
    }
    out.tensor("blk." + std::to_string(layer) + ".ffn_" + stem + "_exps.weight", shape, ggml_number(stored), bytes);
  }
}

std::string rows_in_order(const tensor_view& tensor) {
  std::string out;
  for (uint64_t row = 0; row < tensor.shape.front(); ++row) {
    const auto bytes = tensor.row(row);
    out.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  }
  return out;
}

}  // namespace

gguf_writer gguf_of_folder(const std::string& folder, const gguf_model_options& options) {
  const model_config config = read_model_config(folder).value();
  const weight_files files = weight_files::open(folder).value();
  const std::string architecture = architecture_of(config);
  gguf_writer out;
  add_config(out, config, architecture);
  add_windows(out, config, architecture, object_of(folder + "/config.json"));
  add_rope(out, config, architecture, options.rope_table);
  for (std::string_view name : files.names()) {
    if (name.find(".experts.") != name.npos) continue;
    const tensor_view& tensor = *files.find(name);
    const dtype type = stored_type(tensor, options.type);
    out.tensor(gguf_name(tensor.name, config), tensor.shape, ggml_number(type),
               quantised(type, values_of(config, tensor.name, tensor)));
  }
  for (uint32_t layer = 0; layer < config.layers; ++layer)
    if (config.is_sparse(layer)) add_experts(out, config, layer, files, options.type);
  return out;
}

void add_byte_level_tokenizer(gguf_writer& out, const std::string& folder) {
  const json::object tokenizer = object_of(folder + "/tokenizer.json");
  const json::object& model = tokenizer.at("model").as_object();
  std::map<int64_t, std::pair<std::string, int32_t>> tokens;
  for (const auto& entry : model.at("vocab").as_object())
    tokens[entry.value().as_int64()] = {std::string(entry.key()), 1};
  for (const auto& entry : tokenizer.at("added_tokens").as_array()) {
    const bool special = entry.at("special").as_bool();
    tokens[entry.at("id").as_int64()] = {std::string(entry.at("content").as_string()), special ? 3 : 4};
  }
  std::vector<std::string> texts, merges;
  std::vector<int32_t> types;
  for (const auto& [id, token] : tokens) {
    if (id != static_cast<int64_t>(texts.size())) throw std::invalid_argument("ids with gaps");
    texts.push_back(token.first);
    types.push_back(token.second);
  }
  for (const auto& merge : model.at("merges").as_array()) {
    merges.push_back(merge.is_string()
                         ? std::string(merge.as_string())
                         : std::string(merge.at(0).as_string()) + " " + std::string(merge.at(1).as_string()));
  }
  out.text("tokenizer.ggml.model", "gpt2");
  out.text("tokenizer.ggml.pre", "gpt-2");
  out.texts("tokenizer.ggml.tokens", texts);
  out.ints("tokenizer.ggml.token_type", types);
  out.texts("tokenizer.ggml.merges", merges);

  const json::object config = object_of(folder + "/tokenizer_config.json");
  for (const auto& [key, member] :
       {std::pair{"tokenizer.ggml.bos_token_id", "bos_token"}, std::pair{"tokenizer.ggml.eos_token_id", "eos_token"}}) {
    for (size_t id = 0; id < texts.size(); ++id)
      if (texts[id] == config.at(member).as_string()) out.u32(key, static_cast<uint32_t>(id));
  }
  out.flag("tokenizer.ggml.add_bos_token", config.at("add_bos_token").as_bool());
  out.text("tokenizer.chat_template", config.at("chat_template").as_string());
}

void write_gguf_model(const std::string& folder, const gguf_model_options& options, const std::string& path) {
  gguf_writer out = gguf_of_folder(folder, options);
  if (std::filesystem::exists(folder + "/tokenizer.json")) add_byte_level_tokenizer(out, folder);
  const std::string bytes = out.file();
  std::ofstream file(path, std::ios::binary);
  file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  if (!file.flush()) throw std::runtime_error("cannot write " + path);
}

void write_same_as_safetensors(const std::string& gguf_path, const std::string& folder, const std::string& out_folder,
                               dtype blocks_as) {
  const weight_files files = weight_files::open(gguf_path).value();
  std::filesystem::create_directories(out_folder);
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() == ".json")
      std::filesystem::copy_file(entry.path(), std::filesystem::path(out_folder) / entry.path().filename());
  }
  std::vector<std::string> owned;
  std::vector<tensor_view> tensors;
  for (std::string_view name : files.names()) {
    tensor_view tensor = *files.find(name);
    if (has_blocks(tensor.type) && blocks_as == dtype::u8) {
      owned.push_back(rows_in_order(tensor));
      tensor.name += "#" + std::string(troupe::name(tensor.type));
      tensor.shape.back() = owned.back().size() / tensor.shape.front();
      tensor.type = dtype::u8;
    } else {
      std::vector<float> values(tensor.elements());
      read_f32(tensor, 0, values);
      if (has_blocks(tensor.type)) tensor.type = dtype::f32;
      owned.push_back(quantised(tensor.type, values));
    }
    tensor.paired_rows = 0;
    tensors.push_back(std::move(tensor));
  }
  for (size_t i = 0; i < owned.size(); ++i) tensors[i].data = std::as_bytes(std::span(owned[i]));
  write_safetensors(out_folder + "/model.safetensors", tensors).value();
}

}  // namespace troupe::test
