// Time as a seam: actors ask the clock they were given, never the system's.
#pragma once

#include <chrono>
#include <cmath>

namespace troupe {

using duration = std::chrono::nanoseconds;
/// A moment on a clock that never jumps; only differences mean anything.
using instant = std::chrono::time_point<std::chrono::steady_clock, duration>;

/// Of what people type: none where it is below 0 or no number, at most 285 years.
inline duration duration_of_seconds(double seconds) {
  return std::chrono::duration_cast<duration>(std::chrono::duration<double>(std::fmin(std::fmax(seconds, 0), 9e9)));
}

class clock {
 public:
  virtual ~clock() = default;
  /// Monotonic. Any thread.
  virtual instant now() const = 0;
  /// Civil time, as it is shown to people and clients; may jump. Any thread.
  virtual std::chrono::sys_time<std::chrono::milliseconds> wall_now() const = 0;
};

/// The machine's clocks. For main(): everything else takes a clock&.
class system_clock final : public clock {
 public:
  instant now() const override;
  std::chrono::sys_time<std::chrono::milliseconds> wall_now() const override;
};

}  // namespace troupe
