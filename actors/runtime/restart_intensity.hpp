// How often something may be restarted before its supervisor gives up: OTP's restart intensity, with a growing delay.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <optional>

#include "base/clock.hpp"

namespace troupe {

struct restart_limits {
  uint32_t restarts_max = 20;
  duration period = std::chrono::seconds(60);
  /// Before the first restart in the period; doubled with each further one up to delay_max.
  duration delay = std::chrono::milliseconds(10);
  duration delay_max = std::chrono::seconds(5);
};

class restart_intensity {
 public:
  explicit restart_intensity(restart_limits limits) : limits_(limits) {}

  /// Counts a restart at `now`. How long to wait before it; nothing when the limit is exceeded: escalate.
  std::optional<duration> restart(instant now);

  uint32_t restarts_total() const { return total_; }
  /// Those within the last period.
  uint32_t restarts_recent() const { return static_cast<uint32_t>(recent_.size()); }

 private:
  restart_limits limits_;
  std::deque<instant> recent_;
  uint32_t total_ = 0;
};

}  // namespace troupe
