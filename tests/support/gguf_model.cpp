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
std::string gguf_name(std::string name) {
  for (const auto& [from, to] : {std::pair{"model.embed_tokens", "token_embd"},
                                 {"model.norm", "output_norm"},
                                 {"lm_head", "output"},
                                 {"model.layers.", "blk."},
                                 {"input_layernorm", "attn_norm"},
                                 {"post_attention_layernorm", "ffn_norm"},
                                 {"self_attn.o_proj", "attn_output"},
                                 {"self_attn.", "attn_"},
                                 {"mlp.", "ffn_"},
                                 {"_proj", ""}})
    name = replaced(name, from, to);
  return name;
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
  out.u32(name + ".rope.dimension_count", config.head_dim);
  out.f32(name + ".rope.freq_base", static_cast<float>(config.rope.theta));
  out.f32(name + ".attention.layer_norm_rms_epsilon", static_cast<float>(config.rms_eps));
}

/// What llama3 scaling divides each frequency by (transformers, _compute_llama3_parameters).
void add_rope_table(gguf_writer& out, const model_config& config) {
  const auto& scaling = std::get<llama3_rope_scaling>(config.rope.scaling);
  std::vector<float> divisors;
  for (uint32_t i = 0; i < config.head_dim; i += 2) {
    const double wavelength = 2 * std::numbers::pi * std::pow(config.rope.theta, double(i) / config.head_dim);
    const double original = scaling.original_context;
    const double smooth =
        (original / wavelength - scaling.low_freq_factor) / (scaling.high_freq_factor - scaling.low_freq_factor);
    const double clamped = std::min(1.0, std::max(0.0, smooth));
    divisors.push_back(static_cast<float>(1 / ((1 - clamped) / scaling.factor + clamped)));
  }
  const uint64_t shape[] = {divisors.size()};
  out.tensor("rope_freqs.weight", shape, ggml_number(dtype::f32), quantised(dtype::f32, divisors));
}

std::string rows_in_order(const tensor_view& tensor) {
  std::string out;
  for (uint64_t row = 0; row < tensor.shape.front(); ++row) {
    const auto bytes = tensor.row(row);
    out.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  }
  return out;
}

json::object object_of(const std::string& path) { return read_json_file(path).value().as_object(); }

}  // namespace

gguf_writer gguf_of_folder(const std::string& folder, const gguf_model_options& options) {
  const model_config config = read_model_config(folder).value();
  const weight_files files = weight_files::open(folder).value();
  gguf_writer out;
  add_config(out, config, options.architecture);
  if (options.rope_table) add_rope_table(out, config);
  for (std::string_view name : files.names()) {
    const tensor_view& tensor = *files.find(name);
    std::vector<float> values(tensor.elements());
    read_f32(tensor, 0, values);
    const bool is_query_or_key = name.find("q_proj") != name.npos || name.find("k_proj") != name.npos;
    if (is_query_or_key && options.architecture == "llama")
      values = paired(values, tensor.shape.front(), config.head_dim);
    const dtype type = stored_type(tensor, options.type);
    out.tensor(gguf_name(std::string(name)), tensor.shape, ggml_number(type), quantised(type, values));
  }
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
