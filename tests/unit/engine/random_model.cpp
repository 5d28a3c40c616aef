#include "tests/unit/engine/random_model.hpp"

#include <bit>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstring>
#include <fstream>
#include <map>

#include "base/random.hpp"
#include "shards/model/model_config.hpp"
#include "shards/model/safetensors.hpp"
#include "shards/model/weight_files.hpp"

namespace troupe::test {
namespace {

std::vector<std::byte> random_data(dtype type, uint64_t elements, float middle, float width, uint64_t seed) {
  std::vector<std::byte> data(elements * size_of(type));
  for (uint64_t i = 0; i < elements; ++i) {
    const float value = middle + width * random_value(seed, i);
    const auto bf16 = static_cast<uint16_t>(std::bit_cast<uint32_t>(value) >> 16);
    const uint16_t f16 = to_f16(value);
    if (type == dtype::f32) std::memcpy(&data[i * 4], &value, 4);
    if (type == dtype::bf16) std::memcpy(&data[i * 2], &bf16, 2);
    if (type == dtype::f16) std::memcpy(&data[i * 2], &f16, 2);
  }
  return data;
}

std::string config_text(const random_model_shape& shape) {
  const auto number = [](const char* key, uint64_t value) {
    return "  \"" + std::string(key) + "\": " + std::to_string(value) + ",\n";
  };
  const bool llama = shape.architecture == "LlamaForCausalLM";
  std::string text = "{\n  \"architectures\": [\"" + shape.architecture + "\"],\n";
  text += std::string("  \"model_type\": \"") + (llama ? "llama" : "qwen2") + "\",\n";
  text += number("hidden_size", shape.hidden) + number("num_hidden_layers", shape.layers) +
          number("num_attention_heads", shape.heads) + number("num_key_value_heads", shape.kv_heads) +
          number("head_dim", shape.head_dim) + number("intermediate_size", shape.intermediate) +
          number("vocab_size", shape.vocab_size) + number("max_position_embeddings", shape.context_max);
  if (llama) text += std::string("  \"attention_bias\": ") + (shape.attention_bias ? "true" : "false") + ",\n";
  if (shape.llama3_rope) {
    text +=
        "  \"rope_scaling\": {\"rope_type\": \"llama3\", \"factor\": 8.0, \"low_freq_factor\": 1.0,\n"
        "    \"high_freq_factor\": 4.0, \"original_max_position_embeddings\": 64},\n";
  }
  text += std::string("  \"tie_word_embeddings\": ") + (shape.tied ? "true" : "false") + ",\n";
  text += "  \"rms_norm_eps\": 1e-05,\n  \"rope_theta\": 10000.0,\n  \"hidden_act\": \"silu\"\n}\n";
  return text;
}

using matrix_values = std::vector<double>;

matrix_values values_of(const weight_files& files, const std::string& name) {
  const tensor_view* tensor = files.find(name);
  BOOST_REQUIRE_MESSAGE(tensor != nullptr, name);
  std::vector<float> floats(tensor->elements());
  read_f32(*tensor, 0, floats);
  return {floats.begin(), floats.end()};
}

/// One row times a weight (outputs, inputs), plus its bias where there is one.
std::vector<double> apply(const weight_files& files, const std::string& name, const std::vector<double>& x) {
  const matrix_values weight = values_of(files, name + ".weight");
  std::vector<double> out(weight.size() / x.size());
  for (size_t n = 0; n < out.size(); ++n)
    for (size_t k = 0; k < x.size(); ++k) out[n] += weight[n * x.size() + k] * x[k];
  if (files.find(name + ".bias") != nullptr) {
    const matrix_values bias = values_of(files, name + ".bias");
    for (size_t n = 0; n < out.size(); ++n) out[n] += bias[n];
  }
  return out;
}

std::vector<double> normalise(const matrix_values& weight, double eps, const std::vector<double>& x) {
  double sum = 0;
  for (double value : x) sum += value * value;
  const double scale = 1 / std::sqrt(sum / static_cast<double>(x.size()) + eps);
  std::vector<double> out(x.size());
  for (size_t i = 0; i < x.size(); ++i) out[i] = x[i] * scale * weight[i];
  return out;
}

double frequency_of(const model_config& config, size_t pair) {
  const double frequency = std::pow(config.rope.theta, -2.0 * static_cast<double>(pair) / config.head_dim);
  const auto* llama3 = std::get_if<llama3_rope_scaling>(&config.rope.scaling);
  if (llama3 == nullptr) return frequency;
  const llama3_rope_scaling& scaling = *llama3;
  const double waves = scaling.original_context * frequency / (2 * M_PI);  // in the original context
  const double kept =
      std::clamp((waves - scaling.low_freq_factor) / (scaling.high_freq_factor - scaling.low_freq_factor), 0.0, 1.0);
  return frequency * (kept + (1 - kept) / scaling.factor);
}

void rotate(const model_config& config, std::vector<double>& heads, size_t position) {
  const size_t half = config.head_dim / 2;
  for (size_t first = 0; first < heads.size(); first += config.head_dim) {
    for (size_t i = 0; i < half; ++i) {
      const double angle = static_cast<double>(position) * frequency_of(config, i);
      const double a = heads[first + i];
      const double b = heads[first + half + i];
      heads[first + i] = a * std::cos(angle) - b * std::sin(angle);
      heads[first + half + i] = b * std::cos(angle) + a * std::sin(angle);
    }
  }
}

using row = std::vector<double>;

/// One query head's answer over the keys and values of one key/value head.
row attend(const row& query, const std::vector<row>& keys, const std::vector<row>& values, size_t kv_begin,
           size_t dim) {
  std::vector<double> weights;
  double largest = -INFINITY;
  for (const row& key : keys) {
    double score = 0;
    for (size_t d = 0; d < dim; ++d) score += query[d] * key[kv_begin + d];
    weights.push_back(score / std::sqrt(static_cast<double>(dim)));
    largest = std::max(largest, weights.back());
  }
  double total = 0;
  for (double& weight : weights) total += weight = std::exp(weight - largest);
  row out(dim);
  for (size_t j = 0; j < keys.size(); ++j)
    for (size_t d = 0; d < dim; ++d) out[d] += weights[j] / total * values[j][kv_begin + d];
  return out;
}

}  // namespace

uint16_t to_f16(float value) {
  const auto bits = std::bit_cast<uint32_t>(value);
  const uint32_t exponent = (bits >> 23) & 0xff;
  if (exponent < 113) return 0;
  return static_cast<uint16_t>(((bits >> 16) & 0x8000) | ((exponent - 112) << 10) | ((bits >> 13) & 0x3ff));
}

float random_value(uint64_t seed, uint64_t index) {
  const auto words = philox4x32({static_cast<uint32_t>(index), static_cast<uint32_t>(index >> 32), 0, 0},
                                {static_cast<uint32_t>(seed), static_cast<uint32_t>(seed >> 32)});
  return static_cast<float>(static_cast<int32_t>(words[0])) * 0x1p-31F;
}

std::vector<token_id> random_tokens(size_t count, uint32_t vocab_size, uint64_t seed) {
  std::vector<token_id> tokens(count);
  for (size_t i = 0; i < count; ++i)
    tokens[i] = philox4x32({static_cast<uint32_t>(i), 7, 0, 0}, {static_cast<uint32_t>(seed), 0})[0] % vocab_size;
  return tokens;
}

std::vector<named_shape> random_shapes() {
  return {
      {"llama, grouped queries", {.seed = 1}},
      {"llama, tied, f32, biases", {.tied = true, .attention_bias = true, .type = dtype::f32, .seed = 2}},
      {"qwen2, one kv head for two queries, f16",
       {.architecture = "Qwen2ForCausalLM",
        .hidden = 52,
        .heads = 4,
        .kv_heads = 2,
        .head_dim = 14,
        .intermediate = 75,
        .vocab_size = 101,
        .type = dtype::f16,
        .seed = 3}},
      {"llama, scaled rope, one kv head, wide heads",
       {.hidden = 72,
        .layers = 1,
        .heads = 4,
        .kv_heads = 1,
        .head_dim = 36,
        .intermediate = 33,
        .vocab_size = 67,
        .llama3_rope = true,
        .seed = 4}},
  };
}

void write_random_model(const random_model_shape& shape, const std::string& folder) {
  std::ofstream(folder + "/config.json") << config_text(shape);
  const auto config = read_model_config(folder);
  BOOST_REQUIRE_MESSAGE(config.has_value(), (config ? "" : config.err().detail));
  std::vector<tensor_view> tensors;
  std::vector<std::vector<std::byte>> memory;
  uint64_t seed = shape.seed * 1000;
  for (const expected_tensor& expected : expected_tensors(*config)) {
    uint64_t elements = 1;
    for (uint64_t size : expected.shape) elements *= size;
    const bool norm = expected.name.find("norm") != std::string::npos;
    const bool vector = expected.shape.size() == 1;
    const float width = vector ? 0.3F : 1.7F / std::sqrt(static_cast<float>(expected.shape.back()));
    memory.push_back(random_data(shape.type, elements, norm ? 1.0F : 0.0F, width, ++seed));
    tensors.push_back({.name = expected.name, .type = shape.type, .shape = expected.shape, .data = memory.back()});
  }
  const auto written = write_safetensors(folder + "/model.safetensors", tensors);
  BOOST_REQUIRE_MESSAGE(written.has_value(), (written ? "" : written.err().detail));
}

std::vector<std::vector<double>> reference_rows(const std::string& folder, const std::vector<token_id>& tokens) {
  const model_config config = read_model_config(folder).value();
  const weight_files files = weight_files::open(folder).value();
  const matrix_values embedding = values_of(files, "model.embed_tokens.weight");
  std::vector<row> stream;
  for (token_id token : tokens) {
    const auto first = embedding.begin() + static_cast<ptrdiff_t>(size_t{token} * config.hidden);
    stream.emplace_back(first, first + config.hidden);
  }
  const size_t dim = config.head_dim;
  for (uint32_t layer = 0; layer < config.layers; ++layer) {
    const std::string prefix = "model.layers." + std::to_string(layer) + ".";
    const matrix_values input_norm = values_of(files, prefix + "input_layernorm.weight");
    const matrix_values post_norm = values_of(files, prefix + "post_attention_layernorm.weight");
    std::vector<row> keys;
    std::vector<row> values;
    for (size_t t = 0; t < stream.size(); ++t) {
      const row x = normalise(input_norm, config.rms_eps, stream[t]);
      row query = apply(files, prefix + "self_attn.q_proj", x);
      keys.push_back(apply(files, prefix + "self_attn.k_proj", x));
      values.push_back(apply(files, prefix + "self_attn.v_proj", x));
      rotate(config, query, t);
      rotate(config, keys.back(), t);
      row attended;
      for (size_t h = 0; h < config.heads; ++h) {
        const auto begin = query.begin() + static_cast<ptrdiff_t>(h * dim);
        const size_t kv_head = h / (config.heads / config.kv_heads);
        const row out = attend(row(begin, begin + static_cast<ptrdiff_t>(dim)), keys, values, kv_head * dim, dim);
        attended.insert(attended.end(), out.begin(), out.end());
      }
      const row added = apply(files, prefix + "self_attn.o_proj", attended);
      for (size_t i = 0; i < added.size(); ++i) stream[t][i] += added[i];
      const row y = normalise(post_norm, config.rms_eps, stream[t]);
      row gate = apply(files, prefix + "mlp.gate_proj", y);
      const row up = apply(files, prefix + "mlp.up_proj", y);
      for (size_t i = 0; i < gate.size(); ++i) gate[i] = gate[i] / (1 + std::exp(-gate[i])) * up[i];
      const row down = apply(files, prefix + "mlp.down_proj", gate);
      for (size_t i = 0; i < down.size(); ++i) stream[t][i] += down[i];
    }
  }
  const matrix_values norm = values_of(files, "model.norm.weight");
  for (row& x : stream) x = normalise(norm, config.rms_eps, x);
  return stream;
}

std::vector<double> reference_logits(const std::string& folder, const std::vector<token_id>& tokens) {
  const model_config config = read_model_config(folder).value();
  const weight_files files = weight_files::open(folder).value();
  return apply(files, config.tied_embeddings ? "model.embed_tokens" : "lm_head", reference_rows(folder, tokens).back());
}

}  // namespace troupe::test
