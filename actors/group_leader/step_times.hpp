// The durations of the last steps, and their percentiles.
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
  std::array<uint32_t, 256> us_{};
  uint64_t count_ = 0;
};

}  // namespace troupe
