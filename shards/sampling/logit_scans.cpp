#include "shards/sampling/logit_scans.hpp"

#include "shards/sampling/logit_scans_loops.hpp"

namespace troupe {

#if defined(TROUPE_X86_SCANS)
const logit_scans& avx2_logit_scans();
const logit_scans& avx512_logit_scans();
#endif

std::vector<const logit_scans*> all_logit_scans() {
  static constexpr logit_scans plain = scans_named("plain");
  std::vector<const logit_scans*> all{&plain};
#if defined(TROUPE_X86_SCANS)
  if (__builtin_cpu_supports("avx2")) all.push_back(&avx2_logit_scans());
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq")) all.push_back(&avx512_logit_scans());
#endif
  return all;
}

const logit_scans& best_logit_scans() {
  static const logit_scans& best = *all_logit_scans().back();
  return best;
}

}  // namespace troupe
