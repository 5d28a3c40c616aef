#include "shards/sampling/logit_scans_loops.hpp"

namespace troupe {

const logit_scans& avx512_logit_scans();
const logit_scans& avx512_logit_scans() {
  static constexpr logit_scans scans = scans_named("avx512");
  return scans;
}

}  // namespace troupe
