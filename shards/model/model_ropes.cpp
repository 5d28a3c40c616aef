#include "shards/model/model_ropes.hpp"

#include <boost/json/object.hpp>

#include "shards/model/config_fields.hpp"
#include "shards/model/model_family.hpp"

namespace troupe {
namespace {

// transformers, configuration_gemma3.py.
constexpr double local_theta = 10000;
constexpr double theta_max = 1e12;

result<rope_config> read_from(const boost::json::object* object, std::string path, const rope_surroundings& around) {
  if (!object) return read_rope(nullptr, around);
  const config_fields fields(*object, std::move(path));
  return read_rope(&fields, around);
}

/// rope_parameters that has an object for each type of layer.
result<model_ropes> read_nested(const boost::json::object& parameters, const rope_surroundings& around,
                                const rope_surroundings& local) {
  const config_fields fields(parameters, "rope_parameters");
  for (const std::string& key : fields.keys()) {
    if (key != "full_attention" && key != "sliding_attention")
      return fields.unsupported(key, "only full_attention and sliding_attention are supported");
  }
  TROUPE_ASSIGN(const auto* full, fields.object("full_attention"));
  TROUPE_ASSIGN(const auto* sliding, fields.object("sliding_attention"));
  model_ropes ropes;
  TROUPE_ASSIGN(ropes.rope, read_from(full, fields.path_of("full_attention"), around));
  TROUPE_ASSIGN(ropes.sliding, read_from(sliding, fields.path_of("sliding_attention"), local));
  return ropes;
}

result<rope_surroundings> read_surroundings(const config_fields& config, const model_family& family, uint32_t head_dim,
                                            uint32_t context_max) {
  rope_surroundings around;
  around.head_dim = head_dim;
  around.context_max = context_max;
  around.partial = family.partial_rotary;
  TROUPE_ASSIGN(around.theta, config.number("rope_theta", family.rope_theta, 1, theta_max));
  TROUPE_ASSIGN(around.partial_rotary_factor, config.number("partial_rotary_factor", 1, 0, 1));
  if (config.find("original_max_position_embeddings")) {
    TROUPE_ASSIGN(around.original_context, config.size("original_max_position_embeddings", 1, 1 << 24));
  }
  return around;
}

}  // namespace

result<model_ropes> read_ropes(const config_fields& config, const model_family& family, uint32_t head_dim,
                               uint32_t context_max) {
  TROUPE_ASSIGN(const auto* scaling, config.object("rope_scaling"));
  TROUPE_ASSIGN(const auto* parameters, config.object("rope_parameters"));
  if (scaling && parameters) return error{errc::corrupt, "rope_scaling and rope_parameters must not both be given"};
  TROUPE_ASSIGN(const rope_surroundings around, read_surroundings(config, family, head_dim, context_max));
  rope_surroundings local = around;
  TROUPE_ASSIGN(local.theta, config.number("rope_local_base_freq", local_theta, 1, theta_max));
  if (parameters && family.local_rope) return read_nested(*parameters, around, local);
  model_ropes ropes;
  TROUPE_ASSIGN(ropes.rope,
                read_from(scaling ? scaling : parameters, scaling ? "rope_scaling" : "rope_parameters", around));
  if (family.local_rope) {
    TROUPE_ASSIGN(ropes.sliding, read_rope(nullptr, local));
  }
  return ropes;
}

}  // namespace troupe
