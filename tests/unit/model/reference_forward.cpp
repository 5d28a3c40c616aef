#include "tests/unit/model/reference_forward.hpp"

#include <algorithm>
#include <cmath>

namespace troupe::test {

reference_forward::reference_forward(const model_config& config, const weight_files& files)
    : config_(config), keys_(config.layers), values_(config.layers) {
  for (auto name : files.names()) {
    const auto& tensor = *files.find(name);
    std::vector<float> floats(tensor.elements());
    read_f32(tensor, 0, floats);
    weights_.emplace(name, vector(floats.begin(), floats.end()));
  }
}

/// (outputs, inputs) times x (inputs)
reference_forward::vector reference_forward::linear(const std::string& name, const vector& x) const {
  const auto& w = weight(name);
  vector out(w.size() / x.size());
  for (size_t row = 0; row < out.size(); ++row) {
    for (size_t i = 0; i < x.size(); ++i) out[row] += w[row * x.size() + i] * x[i];
  }
  return out;
}

reference_forward::vector reference_forward::normed(const std::string& name, const vector& x) const {
  double squares = 0;
  for (double value : x) squares += value * value;
  const double scale = 1 / std::sqrt(squares / static_cast<double>(x.size()) + config_.rms_eps);
  vector out(x.size());
  for (size_t i = 0; i < x.size(); ++i) out[i] = x[i] * scale * weight(name)[i];
  return out;
}

/// rotate_half: element i of a head turns with element i + head_dim / 2.
void reference_forward::rotate(vector& heads) const {
  const size_t dim = config_.head_dim, half = dim / 2;
  for (size_t head = 0; head < heads.size() / dim; ++head) {
    for (size_t i = 0; i < half; ++i) {
      const double angle = static_cast<double>(position_) /
                           std::pow(config_.rope.theta, 2.0 * static_cast<double>(i) / static_cast<double>(dim));
      double& a = heads[head * dim + i];
      double& b = heads[head * dim + i + half];
      const double turned = a * std::cos(angle) - b * std::sin(angle);
      b = b * std::cos(angle) + a * std::sin(angle);
      a = turned;
    }
  }
}

reference_forward::vector reference_forward::attention(uint32_t layer, const vector& x) {
  const std::string prefix = "model.layers." + std::to_string(layer) + ".self_attn.";
  vector q = linear(prefix + "q_proj.weight", x), k = linear(prefix + "k_proj.weight", x);
  rotate(q);
  rotate(k);
  keys_[layer].push_back(k);
  values_[layer].push_back(linear(prefix + "v_proj.weight", x));
  const size_t dim = config_.head_dim;
  vector out(q.size());
  for (size_t head = 0; head < config_.heads; ++head) {
    const size_t kv = head / (config_.heads / config_.kv_heads) * dim;
    vector scores(position_ + 1);
    for (size_t p = 0; p <= position_; ++p) {
      for (size_t i = 0; i < dim; ++i) scores[p] += q[head * dim + i] * keys_[layer][p][kv + i];
      scores[p] /= std::sqrt(static_cast<double>(dim));
    }
    const double max = *std::max_element(scores.begin(), scores.end());
    double sum = 0;
    for (double& score : scores) sum += score = std::exp(score - max);
    for (size_t p = 0; p <= position_; ++p) {
      for (size_t i = 0; i < dim; ++i) out[head * dim + i] += scores[p] / sum * values_[layer][p][kv + i];
    }
  }
  return linear(prefix + "o_proj.weight", out);
}

std::vector<double> reference_forward::step(token_id token) {
  const auto& embedding = weight("model.embed_tokens.weight");
  auto row = embedding.begin() + static_cast<std::ptrdiff_t>(size_t{token} * config_.hidden);
  vector x(row, row + config_.hidden);
  auto add = [&](const vector& y) {
    for (size_t i = 0; i < x.size(); ++i) x[i] += y[i];
  };
  for (uint32_t layer = 0; layer < config_.layers; ++layer) {
    const std::string prefix = "model.layers." + std::to_string(layer) + ".";
    add(attention(layer, normed(prefix + "input_layernorm.weight", x)));
    vector h = normed(prefix + "post_attention_layernorm.weight", x);
    vector gate = linear(prefix + "mlp.gate_proj.weight", h), up = linear(prefix + "mlp.up_proj.weight", h);
    for (size_t i = 0; i < gate.size(); ++i) gate[i] *= up[i] / (1 + std::exp(-gate[i]));
    add(linear(prefix + "mlp.down_proj.weight", gate));
  }
  ++position_;
  return linear(config_.tied_embeddings ? "model.embed_tokens.weight" : "lm_head.weight",
                normed("model.norm.weight", x));
}

}  // namespace troupe::test
