#include "tests/unit/model/small_model.hpp"

#include <boost/json/serialize.hpp>
#include <cstring>

#include "shards/model/safetensors.hpp"
#include "shards/model/weight_files.hpp"

namespace troupe::test {

boost::json::object small_config() {
  return {{"architectures", boost::json::array{"LlamaForCausalLM"}},
          {"hidden_size", 16},
          {"num_hidden_layers", 2},
          {"num_attention_heads", 4},
          {"num_key_value_heads", 2},
          {"intermediate_size", 24},
          {"vocab_size", 32},
          {"max_position_embeddings", 64},
          {"rms_norm_eps", 1e-5},
          {"bos_token_id", 1},
          {"eos_token_id", 2}};
}

owned_tensors small_tensors(const model_config& config) {
  owned_tensors out;
  float value = 0;
  for (const auto& expected : expected_tensors(config)) {
    uint64_t elements = 1;
    for (uint64_t size : expected.shape) elements *= size;
    std::vector<std::byte> bytes(elements * 4);
    for (uint64_t i = 0; i < elements; ++i) {
      value += 1;
      std::memcpy(bytes.data() + 4 * i, &value, 4);
    }
    out.bytes.push_back(std::move(bytes));
    out.views.push_back({expected.name, dtype::f32, expected.shape, out.bytes.back()});
  }
  return out;
}

void write_small_model(const temporary_folder& folder) {
  auto config = small_config();
  folder.write("config.json", boost::json::serialize(config));
  write_safetensors(folder / "model.safetensors", small_tensors(*parse_model_config(config)).views).value();
}

std::string safetensors_bytes(std::string_view header, std::string_view data) {
  std::string out(8, '\0');
  uint64_t length = header.size();
  std::memcpy(out.data(), &length, sizeof length);
  return out.append(header).append(data);
}

}  // namespace troupe::test
