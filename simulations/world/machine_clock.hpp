// What a machine's clocks show of the world's time.
#pragma once

#include "base/clock.hpp"

namespace troupe::simulation {

struct machine_clock {
  /// It runs so many millionths too fast, or too slow.
  int64_t drift_ppm = 0;
  /// Of civil time: by how much it was set wrong.
  std::chrono::milliseconds wall_offset{};

  /// At that moment of the world.
  duration shows(duration world) const { return world + drift(world, 1'000'000); }
  /// The first moment of the world at which it shows that.
  duration reaches(duration shown) const {
    duration world = shown - drift(shown, 1'000'000 + drift_ppm);
    // Rounded; by one or two.
    while (shows(world - duration(1)) >= shown) --world;
    while (shows(world) < shown) ++world;
    return world;
  }

 private:
  /// Without a product that could overflow within a hundred years.
  duration drift(duration of, int64_t parts) const { return of / parts * drift_ppm + of % parts * drift_ppm / parts; }
};

}  // namespace troupe::simulation
