#include "actors/group_leader/step_times.hpp"

#include <algorithm>
#include <limits>

namespace troupe {

void step_times::add(std::chrono::nanoseconds took) {
  const int64_t whole = std::chrono::duration_cast<std::chrono::microseconds>(took).count();
  const auto us = static_cast<uint32_t>(std::clamp<int64_t>(whole, 0, std::numeric_limits<uint32_t>::max()));
  uint32_t& place = us_[count_ % kept_max];
  auto* end = in_order_.begin() + std::min<uint64_t>(count_, kept_max);
  if (count_ >= kept_max) {
    // The oldest goes.
    auto* gone = std::lower_bound(in_order_.begin(), end, place);
    end = std::move(gone + 1, end, gone);
  }
  auto* to = std::upper_bound(in_order_.begin(), end, us);
  std::move_backward(to, end, end + 1);
  *to = place = us;
  ++count_;
}

uint32_t step_times::percentile_us(double share) const {
  const uint64_t count = std::min<uint64_t>(count_, kept_max);
  return count == 0 ? 0 : in_order_[static_cast<size_t>(share * static_cast<double>(count - 1))];
}

}  // namespace troupe
