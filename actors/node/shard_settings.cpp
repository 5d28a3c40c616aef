#include "actors/node/shard_settings.hpp"

#include <algorithm>

#include "actors/group_leader/batch.hpp"

namespace troupe {

result<shard_config> shard_config_of(const deployment_config& deployment, uint32_t rank) {
  shard_config shard;
  shard.model_folder = deployment.model;
  shard.tp = deployment.tensor_parallel;
  shard.rank = rank;
  shard.threads = deployment.threads_per_rank;
  // In 64 bits: a command line's number has no bound yet.
  shard.kv_pages =
      static_cast<uint32_t>((uint64_t{deployment.kv_positions} + kv_page_positions - 1) / kv_page_positions);
  shard.kv_bf16 = deployment.kv_type == "bf16";
  shard.rows_max = deployment.step_tokens_max;
  shard.sequences_max = deployment.sequences_max;
  // A step that verifies guesses has no more tokens than draft_step_tokens_max.
  if (deployment.speculation != "off") {
    shard.logits_max = std::min(shard.rows_max, std::max(shard.sequences_max, draft_step_tokens_max));
  }
  TROUPE_ASSIGN(shard.backend, parse_cpu_backend_choice(deployment.backend));
  return shard;
}

}  // namespace troupe
