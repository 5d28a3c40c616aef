#include "actors/group_leader/step_times.hpp"

#include <algorithm>
#include <limits>

namespace troupe {

void step_times::add(std::chrono::nanoseconds took) {
  auto us = std::chrono::duration_cast<std::chrono::microseconds>(took).count();
  us_[count_++ % us_.size()] = static_cast<uint32_t>(std::clamp<int64_t>(us, 0, std::numeric_limits<uint32_t>::max()));
}

uint32_t step_times::percentile_us(double share) const {
  auto n = static_cast<size_t>(std::min<uint64_t>(count_, us_.size()));
  if (n == 0) return 0;
  auto sorted = us_;
  auto at = static_cast<size_t>(share * static_cast<double>(n - 1));
  std::nth_element(sorted.begin(), sorted.begin() + static_cast<long>(at), sorted.begin() + static_cast<long>(n));
  return sorted[at];
}

}  // namespace troupe
