// The text of a config.json, which is read as a generation_config.json, a modules.json and a pooling's config.json too.
// Whatever is accepted must keep its
// promises.
#include <cstdint>
#include <string_view>

#include "base/check.hpp"
#include "base/json.hpp"
#include "shards/model/generation_defaults.hpp"
#include "shards/model/model_config.hpp"
#include "shards/model/model_parts.hpp"
#include "shards/model/model_pooling.hpp"
#include "shards/model/weight_files.hpp"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  auto json = troupe::parse_json({reinterpret_cast<const char*>(data), size});
  if (!json) return 0;
  auto config = troupe::parse_model_config(*json);
  if (config) {
    TROUPE_CHECK(config->heads % config->kv_heads == 0 && config->head_dim % 2 == 0);
    TROUPE_CHECK(config->hidden > 0 && config->context_max > 0 && config->vocab_size > 0);
    for (troupe::token_id id : config->eos) TROUPE_CHECK(id < config->vocab_size);
    TROUPE_CHECK(config->rope.dims > 0 && config->rope.dims % 2 == 0 && config->rope.dims <= config->head_dim);
    TROUPE_CHECK(config->sliding.empty() || config->sliding.size() == config->layers);
    TROUPE_CHECK(config->window < config->context_max);
    TROUPE_CHECK(!config->experts || config->experts->used <= config->experts->count);
    TROUPE_CHECK(troupe::parameter_count(*config) > 0);
    for (uint32_t layer : {0U, config->layers - 1}) {
      const troupe::layer_parts parts = troupe::parts_of_layer(*config, layer);
      const troupe::mlp_parts& mlp = parts.mlps.back();
      for (const troupe::tensor_part* part : {&parts.query, &parts.key, &parts.value, &mlp.gate, &mlp.up, &mlp.down})
        TROUPE_CHECK(part->first_row + part->rows <= part->shape.front());
      TROUPE_CHECK(parts.router.has_value() == config->is_sparse(layer));
      TROUPE_CHECK(parts.mlps.size() == (parts.router ? config->experts->count : 1));
    }
  } else {
    TROUPE_CHECK(!config.err().detail.empty());
  }
  troupe::model_config small;
  small.vocab_size = 2048;
  if (auto defaults = troupe::parse_generation_defaults(*json, config ? *config : small)) {
    TROUPE_CHECK(defaults->temperature >= 0 && defaults->temperature <= 2);
    TROUPE_CHECK(defaults->top_p > 0 && defaults->top_p <= 1);
  }
  if (auto path = troupe::parse_pooling_modules(*json)) TROUPE_CHECK(path->find('/') == path->npos && *path != "..");
  if (auto pooling = troupe::parse_pooling_config(*json)) TROUPE_CHECK(*pooling != troupe::pooling_kind::none);
  return 0;
}
