// Time as a seam: actors ask the clock they were given, never the system's.
#pragma once

#include <chrono>

namespace troupe {

using duration = std::chrono::nanoseconds;
/// A moment on a clock that never jumps; only differences mean anything.
using instant = std::chrono::time_point<std::chrono::steady_clock, duration>;

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
