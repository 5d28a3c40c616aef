#include "shards/model/gguf_rope.hpp"

#include <boost/json/array.hpp>
#include <limits>
#include <string>

#include "shards/model/config_fields.hpp"

namespace troupe {
namespace {

namespace json = boost::json;

constexpr uint64_t pairs_max = 512;  // of model_config's largest head
constexpr int64_t any_size = std::numeric_limits<uint32_t>::max();
constexpr std::string_view divisors_name = "rope_freqs.weight";
constexpr std::string_view short_name = "rope_factors_short.weight";
constexpr std::string_view long_name = "rope_factors_long.weight";

/// One number for each pair that is rotated.
result<std::vector<float>> read_table(const tensor_view& table) {
  const std::string who = "tensor " + table.name;
  if (table.type != dtype::f32 || table.shape.size() != 1 || table.elements() > pairs_max) {
    return error{errc::corrupt, who + " of " + std::string(name(table.type)) + " has shape " + shape_text(table.shape) +
                                    ", expected F32 and one dimension"};
  }
  std::vector<float> out(table.elements());
  read_f32(table, 0, out);
  for (float value : out) {
    if (value >= 1e-6F && value <= 1e6F) continue;
    return error{errc::corrupt, who + " holds " + std::to_string(value) + ", expected numbers from 1e-6 to 1e6"};
  }
  return out;
}

/// LongRoPE: a factor for each pair, one list for short and one for long contexts. Only the tables say it.
result<void> add_longrope(const gguf_contents& file, const std::string& prefix, json::object& config) {
  const tensor_view* short_factors = file.find(short_name);
  const tensor_view* long_factors = file.find(long_name);
  if (!short_factors || !long_factors) {
    return {errc::corrupt, "of " + std::string(short_name) + " and " + std::string(long_name) + " one is missing"};
  }
  json::object scaling{{"rope_type", "longrope"}};
  for (auto [key, tensor] : {std::pair{"short_factor", short_factors}, std::pair{"long_factor", long_factors}}) {
    TROUPE_ASSIGN(const auto factors, read_table(*tensor));
    scaling[key] = json::array(factors.begin(), factors.end());
  }
  TROUPE_ASSIGN(const auto amplitude, file.metadata.number(prefix + "attn_factor"));
  if (amplitude) scaling["attention_factor"] = *amplitude;
  TROUPE_ASSIGN(const auto original, file.metadata.integer(prefix + "original_context_length", 0, any_size));
  if (original) config["original_max_position_embeddings"] = *original;
  config["rope_scaling"] = std::move(scaling);
  return {};
}

}  // namespace

result<void> add_gguf_rope(const gguf_contents& file, std::string_view architecture, json::object& config) {
  const std::string rope = std::string(architecture) + ".rope.";
  if (file.find(short_name) || file.find(long_name)) return add_longrope(file, rope + "scaling.", config);
  TROUPE_ASSIGN(const auto type, file.metadata.string(rope + "scaling.type"));
  TROUPE_ASSIGN(const auto factor, file.metadata.number(rope + "scaling.factor"));
  // The key of files from before there were types.
  TROUPE_ASSIGN(const auto old_factor, file.metadata.number(rope + "scale_linear"));
  // The others have parameters of their own here.
  if (type && *type != "none" && *type != "linear") {
    return {errc::not_supported,
            rope + "scaling.type is " + shown_text(*type) + ": only none and linear are supported"};
  }
  const bool linear = type ? *type == "linear" : old_factor.value_or(1) != 1;
  if (!linear) return {};
  json::object scaling{{"rope_type", "linear"}};
  if (type ? factor : old_factor) scaling["factor"] = type ? *factor : *old_factor;
  config["rope_scaling"] = std::move(scaling);
  return {};
}

result<std::vector<float>> read_gguf_rope_divisors(const gguf_contents& file, uint32_t dims) {
  const tensor_view* table = file.find(divisors_name);
  if (!table) return std::vector<float>();
  TROUPE_ASSIGN(auto out, read_table(*table));
  if (out.size() != dims / 2) {
    return error{errc::corrupt, "tensor " + table->name + " has shape " + shape_text(table->shape) + ", expected [" +
                                    std::to_string(dims / 2) + "]"};
  }
  return out;
}

bool is_gguf_rope_table(std::string_view tensor) {
  return tensor == divisors_name || tensor == short_name || tensor == long_name;
}

}  // namespace troupe
