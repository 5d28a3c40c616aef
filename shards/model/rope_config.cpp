#include "shards/model/rope_config.hpp"

#include <algorithm>
#include <array>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <sstream>

#include "shards/model/config_fields.hpp"

namespace troupe {
namespace {

constexpr int64_t original_context_max = 1 << 24;
constexpr double factor_max = 1e6;
// Angles stay below 2^27, as portable_sine_cosine() wants it: 2^24 positions times 8.
constexpr double pair_factor_least = 0.125;

constexpr std::array<std::string_view, 16> rope_keys{
    "rope_type",        "type",         "rope_theta",
    "factor",           "beta_fast",    "original_max_position_embeddings",
    "low_freq_factor",  "beta_slow",    "partial_rotary_factor",
    "high_freq_factor", "truncate",     "attention_factor",
    "mscale",           "short_factor", "mscale_all_dim",
    "long_factor"};

result<double> needed_number(const config_fields& fields, std::string_view key, double least, double most) {
  if (!fields.find(key)) return fields.missing(key);
  return fields.number(key, 0, least, most);
}

result<std::optional<double>> optional_number(const config_fields& fields, std::string_view key, double least,
                                              double most) {
  if (!fields.find(key)) return std::optional<double>();
  TROUPE_ASSIGN(const double value, fields.number(key, 0, least, most));
  return std::optional<double>(value);
}

result<uint32_t> read_original_context(const config_fields& fields, const rope_surroundings& around) {
  if (around.original_context) return *around.original_context;
  return fields.size("original_max_position_embeddings", 1, original_context_max);
}

result<rope_scaling> read_llama3(const config_fields& fields, const rope_surroundings& around) {
  llama3_rope_scaling llama3;
  TROUPE_ASSIGN(llama3.factor, needed_number(fields, "factor", 1, factor_max));
  TROUPE_ASSIGN(llama3.low_freq_factor, needed_number(fields, "low_freq_factor", 1e-6, factor_max));
  TROUPE_ASSIGN(llama3.high_freq_factor, needed_number(fields, "high_freq_factor", 1e-6, factor_max));
  TROUPE_ASSIGN(llama3.original_context, read_original_context(fields, around));
  // The formula divides by their difference.
  if (llama3.high_freq_factor <= llama3.low_freq_factor) {
    return fields.wrong("high_freq_factor", "above low_freq_factor");
  }
  return rope_scaling(llama3);
}

result<rope_scaling> read_yarn(const config_fields& fields, const rope_surroundings& around, double theta) {
  yarn_rope_scaling yarn;
  TROUPE_ASSIGN(yarn.factor, needed_number(fields, "factor", 1, factor_max));
  TROUPE_ASSIGN(yarn.beta_fast, fields.number("beta_fast", 32, 1e-3, factor_max));
  TROUPE_ASSIGN(yarn.beta_slow, fields.number("beta_slow", 1, 1e-3, factor_max));
  TROUPE_ASSIGN(yarn.original_context, read_original_context(fields, around));
  TROUPE_ASSIGN(yarn.attention_factor, optional_number(fields, "attention_factor", 1e-3, 1e3));
  TROUPE_ASSIGN(yarn.mscale, fields.number("mscale", 0, 0, 1e3));
  TROUPE_ASSIGN(yarn.mscale_all_dim, fields.number("mscale_all_dim", 0, 0, 1e3));
  TROUPE_ASSIGN(yarn.truncate, fields.boolean("truncate", true));
  if (yarn.beta_fast <= yarn.beta_slow) return fields.wrong("beta_fast", "above beta_slow");
  // The formula divides by its logarithm.
  if (theta <= 1) return error{errc::corrupt, "rope_theta must be above 1 for YaRN"};
  return rope_scaling(yarn);
}

result<rope_scaling> read_longrope(const config_fields& fields, const rope_surroundings& around, uint32_t dims) {
  longrope_scaling longrope;
  TROUPE_ASSIGN(longrope.original_context, read_original_context(fields, around));
  // The factor of sines and cosines divides by its logarithm.
  if (longrope.original_context < 2) return error{errc::corrupt, "original_max_position_embeddings must be above 1"};
  TROUPE_ASSIGN(longrope.short_factors, fields.numbers("short_factor", dims / 2, pair_factor_least, factor_max));
  TROUPE_ASSIGN(longrope.long_factors, fields.numbers("long_factor", dims / 2, pair_factor_least, factor_max));
  const double ratio = static_cast<double>(around.context_max) / longrope.original_context;
  TROUPE_ASSIGN(longrope.factor, fields.number("factor", ratio, 1e-6, factor_max));
  TROUPE_ASSIGN(longrope.attention_factor, optional_number(fields, "attention_factor", 1e-3, 1e3));
  return rope_scaling(std::move(longrope));
}

result<uint32_t> read_rotated_dims(const config_fields* fields, const rope_surroundings& around) {
  double part = around.partial_rotary_factor;
  if (fields) {
    TROUPE_ASSIGN(part, fields->number("partial_rotary_factor", part, 0, 1));
  }
  if (part == 1) return around.head_dim;
  if (!around.partial) {
    const std::string key = fields ? fields->path_of("partial_rotary_factor") : "partial_rotary_factor";
    std::ostringstream value;
    value << part;
    return error{errc::not_supported, key + " is " + value.str() + ": models of this family rotate whole heads"};
  }
  const auto dims = static_cast<uint32_t>(around.head_dim * part);
  if (dims < 2 || dims % 2 != 0) {
    return error{errc::corrupt, "partial_rotary_factor makes " + std::to_string(dims) + " of " +
                                    std::to_string(around.head_dim) +
                                    " numbers of a head rotate: it must be an even number, at least 2"};
  }
  return dims;
}

result<rope_scaling> read_scaling(const config_fields& fields, const rope_surroundings& around,
                                  const rope_config& rope) {
  const char* key = fields.find("rope_type") ? "rope_type" : "type";
  TROUPE_ASSIGN(const std::string type, fields.string(key, "default"));
  if (type == "default") return rope_scaling();
  if (type == "linear") {
    TROUPE_ASSIGN(const double factor, needed_number(fields, "factor", 1, factor_max));
    return rope_scaling(linear_rope_scaling{factor});
  }
  if (type == "llama3") return read_llama3(fields, around);
  if (type == "yarn") return read_yarn(fields, around, rope.theta);
  if (type == "longrope" || type == "su") return read_longrope(fields, around, rope.dims);
  return fields.unsupported(key, "only default, linear, llama3, yarn and longrope are supported");
}

}  // namespace

std::string text_of(const rope_config& rope) {
  std::ostringstream out;
  out << "theta " << rope.theta;
  if (const auto* linear = std::get_if<linear_rope_scaling>(&rope.scaling)) {
    out << ", linear scaling by " << linear->factor;
  } else if (const auto* llama3 = std::get_if<llama3_rope_scaling>(&rope.scaling)) {
    out << ", llama3 scaling by " << llama3->factor << " from " << llama3->original_context;
  } else if (const auto* yarn = std::get_if<yarn_rope_scaling>(&rope.scaling)) {
    out << ", yarn scaling by " << yarn->factor << " from " << yarn->original_context;
  } else if (const auto* longrope = std::get_if<longrope_scaling>(&rope.scaling)) {
    out << ", longrope scaling from " << longrope->original_context;
  }
  if (!rope.divisors.empty()) out << ", frequencies scaled by the file's table";
  return out.str();
}

result<rope_config> read_rope(const config_fields* fields, const rope_surroundings& around) {
  rope_config rope;
  rope.theta = around.theta;
  TROUPE_ASSIGN(rope.dims, read_rotated_dims(fields, around));
  if (!fields) return rope;
  for (const std::string& key : fields->keys()) {
    if (std::ranges::find(rope_keys, key) == rope_keys.end()) return fields->unsupported(key, "this is not supported");
  }
  TROUPE_ASSIGN(rope.theta, fields->number("rope_theta", rope.theta, 1, 1e12));
  TROUPE_ASSIGN(rope.scaling, read_scaling(*fields, around, rope));
  return rope;
}

}  // namespace troupe
