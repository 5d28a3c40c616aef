#include "shards/model/generation_defaults.hpp"

#include <algorithm>
#include <filesystem>
#include <limits>

#include "base/json.hpp"
#include "shards/model/config_fields.hpp"
#include "shards/model/model_config.hpp"

namespace troupe {
namespace {

namespace json = boost::json;

result<float> number(const config_fields& file, std::string_view key, float otherwise, double least, double most) {
  TROUPE_ASSIGN(double value, file.number(key, double{otherwise}, least, most));
  return static_cast<float>(value);
}

}  // namespace

result<generation_defaults> parse_generation_defaults(const json::value& value, const model_config& config) {
  if (!value.is_object()) return error{errc::corrupt, "not a JSON object"};
  config_fields file(value.get_object());
  generation_defaults out;
  out.eos = config.eos;
  TROUPE_ASSIGN(out.temperature, number(file, "temperature", out.temperature, 0, 2));
  TROUPE_ASSIGN(out.top_p, number(file, "top_p", out.top_p, 0, 1));
  TROUPE_ASSIGN(out.min_p, number(file, "min_p", out.min_p, 0, 1));
  TROUPE_ASSIGN(out.repetition_penalty, number(file, "repetition_penalty", out.repetition_penalty, 1e-3, 10));
  // -1 is vLLM's way to say "all".
  TROUPE_ASSIGN(auto top_k, file.integer("top_k", 0, -1, std::numeric_limits<uint32_t>::max()));
  out.top_k = static_cast<uint32_t>(std::max<int64_t>(top_k, 0));
  // transformers reads 0 as "the most likely token alone"; our range begins above it.
  if (out.top_p == 0.0F) out.top_p = std::numeric_limits<float>::min();
  TROUPE_ASSIGN(bool samples, file.boolean("do_sample", true));
  if (!samples) out.temperature = 0;
  if (file.find("eos_token_id")) {
    TROUPE_ASSIGN(out.eos, file.token_ids("eos_token_id", config.vocab_size));
  }
  return out;
}

result<generation_defaults> read_generation_defaults(const std::string& folder, const model_config& config) {
  const std::string path = folder + "/generation_config.json";
  std::error_code ignored;
  if (!std::filesystem::exists(path, ignored)) {
    generation_defaults out;
    out.eos = config.eos;
    return out;
  }
  TROUPE_ASSIGN(auto file, read_json_file(path, {.bytes_max = 4 << 20, .depth_max = 64}));
  auto defaults = parse_generation_defaults(file, config);
  if (!defaults) return with_context(std::move(defaults).err(), path);
  return defaults;
}

}  // namespace troupe
