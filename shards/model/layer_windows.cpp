#include "shards/model/layer_windows.hpp"

#include <algorithm>
#include <boost/json/array.hpp>
#include <limits>
#include <optional>

#include "shards/model/config_fields.hpp"
#include "shards/model/model_family.hpp"

namespace troupe {
namespace {

/// sliding_window; null says that there is none, and so does 0 here.
result<uint32_t> read_window(const config_fields& config, uint32_t otherwise) {
  if (config.given("sliding_window") && !config.find("sliding_window")) return 0U;
  return config.size("sliding_window", 1, std::numeric_limits<uint32_t>::max(), otherwise);
}

/// What layer_types says, where it is there.
result<std::optional<std::vector<bool>>> read_layer_types(const config_fields& config, uint32_t layers) {
  const auto* types = config.find("layer_types");
  if (!types) return std::optional<std::vector<bool>>();
  if (!types->is_array() || types->get_array().size() != layers) {
    return config.wrong("layer_types", "a list of num_hidden_layers (" + std::to_string(layers) + ") names");
  }
  std::vector<bool> sliding;
  for (const auto& type : types->get_array()) {
    const bool slides = type.is_string() && type.get_string() == "sliding_attention";
    if (!slides && !(type.is_string() && type.get_string() == "full_attention")) {
      return config.unsupported("layer_types", "only full_attention and sliding_attention are supported");
    }
    sliding.push_back(slides);
  }
  return std::optional(std::move(sliding));
}

result<std::vector<bool>> layers_by_rule(const config_fields& config, const model_family& family, uint32_t layers) {
  const window_rule rule = family.windows;
  std::vector<bool> sliding(layers, rule == window_rule::all);
  if (rule == window_rule::from_layer) {
    TROUPE_ASSIGN(const uint32_t first, config.size("max_window_layers", 0, std::numeric_limits<uint32_t>::max(), 28));
    for (uint32_t layer = first; layer < layers; ++layer) sliding[layer] = true;
  }
  if (rule == window_rule::pattern) {
    uint32_t pattern = family.pattern;
    if (family.pattern_key) {
      TROUPE_ASSIGN(pattern, config.size("sliding_window_pattern", 1, std::numeric_limits<uint32_t>::max(), pattern));
    }
    for (uint32_t layer = 0; layer < layers; ++layer) sliding[layer] = (layer + 1) % pattern != 0;
  }
  return sliding;
}

/// A family without windows: a file that asks for one all the same is refused.
result<layer_windows> expect_no_window(const config_fields& config, uint32_t layers, uint32_t context_max) {
  TROUPE_ASSIGN(const bool on, config.boolean("use_sliding_window", false));
  if (on) return config.unsupported("use_sliding_window", "models of this family have no attention windows");
  TROUPE_ASSIGN(const uint32_t window, read_window(config, 0));
  if (window != 0 && window < context_max && !config.find("use_sliding_window")) {
    return config.unsupported("sliding_window", "models of this family have no attention windows");
  }
  TROUPE_ASSIGN(const auto types, read_layer_types(config, layers));
  if (types && std::ranges::find(*types, true) != types->end()) {
    return config.unsupported("layer_types", "models of this family have no attention windows");
  }
  return layer_windows{};
}

}  // namespace

result<layer_windows> read_layer_windows(const config_fields& config, const model_family& family, uint32_t layers,
                                         uint32_t context_max) {
  if (family.windows == window_rule::none) return expect_no_window(config, layers, context_max);
  bool on = true;
  if (family.window_switch) {
    TROUPE_ASSIGN(on, config.boolean("use_sliding_window", false));
  }
  layer_windows out;
  if (on) {
    TROUPE_ASSIGN(out.window, read_window(config, family.window));
  }
  TROUPE_ASSIGN(const auto types, read_layer_types(config, layers));
  if (out.window == 0 && family.windows == window_rule::pattern) return config.missing("sliding_window");
  if (out.window != 0) {
    TROUPE_ASSIGN(out.sliding, layers_by_rule(config, family, layers));
  }
  if (types) {
    const std::vector<bool> none(layers, false);
    if (family.windows == window_rule::all && *types != (out.sliding.empty() ? none : out.sliding)) {
      return config.unsupported("layer_types", "models of this family have the same attention in every layer");
    }
    if (out.window == 0 && *types != none) return config.wrong("layer_types", "full_attention without a window");
    out.sliding = *types;
  }
  // A window that no sequence outgrows is none.
  if (out.window >= context_max) out.window = 0;
  return out;
}

}  // namespace troupe
