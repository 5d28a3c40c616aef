// The forward pass of a Llama as transformers writes it (modeling_llama.py), one token at a time, in f64 and without
// any cleverness: a yardstick for weights and configs, independent of the engine.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/ids.hpp"
#include "shards/model/model_config.hpp"
#include "shards/model/weight_files.hpp"

namespace troupe::test {

class reference_forward {
 public:
  reference_forward(const model_config& config, const weight_files& files);
  /// Runs the next token; gives the logits of the one after it.
  std::vector<double> step(token_id token);

 private:
  using vector = std::vector<double>;
  const vector& weight(const std::string& name) const { return weights_.at(name); }
  vector linear(const std::string& name, const vector& x) const;
  vector normed(const std::string& name, const vector& x) const;
  void rotate(vector& heads) const;
  vector attention(uint32_t layer, const vector& x);

  model_config config_;
  std::map<std::string, vector> weights_;
  // keys_[layer][position] is (kv_heads, head_dim)
  std::vector<std::vector<vector>> keys_, values_;
  size_t position_ = 0;
};

}  // namespace troupe::test
