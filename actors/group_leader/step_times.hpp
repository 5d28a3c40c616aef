// The durations of the last steps, and their percentiles. Kept in order: reports ask more often than there are steps.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>

namespace troupe {

class step_times {
 public:
  void add(std::chrono::nanoseconds took);
  /// In microseconds, over the last 256 steps; 0 before the first. `share` in [0, 1].
  uint32_t percentile_us(double share) const;

 private:
  static constexpr size_t kept_max = 256;
  /// The last ones, each in the place of the one 256 before it; and the same in order.
  std::array<uint32_t, kept_max> us_{}, in_order_{};
  uint64_t count_ = 0;
};

}  // namespace troupe
