// What generation_config.json says: how the model's makers want it sampled where a request does not say.
#pragma once

#include <boost/json/fwd.hpp>
#include <cstdint>
#include <string>
#include <vector>

#include "base/ids.hpp"
#include "base/result.hpp"

namespace troupe {

struct model_config;

/// The ranges are those of sampling_params. Where the file says nothing, the values change nothing: OpenAI's defaults,
/// not those of transformers (which would be greedy, top_k 50).
struct generation_defaults {
  /// 0 when the file says "do_sample": false.
  float temperature = 1.0F;
  float top_p = 1.0F;
  uint32_t top_k = 0;
  float min_p = 0.0F;
  float repetition_penalty = 1.0F;
  /// The tokens that end an answer: the file's, or config.json's where it has none.
  std::vector<token_id> eos;

  friend bool operator==(const generation_defaults&, const generation_defaults&) = default;
};

/// Reads folder/generation_config.json; without one, and for a GGUF file, the defaults and the config's eos.
/// Errors: io_failed, corrupt; each names the file, the key and the value.
result<generation_defaults> read_generation_defaults(const std::string& folder, const model_config& config);

/// The same from parsed JSON.
result<generation_defaults> parse_generation_defaults(const boost::json::value& file, const model_config& config);

}  // namespace troupe
