// How fast simulated clusters run: a usual one, to which nothing happens.
#pragma once

#include <cstdint>

#include "base/result.hpp"

namespace troupe {

struct simulation_speed_options {
  /// Of simulated time in a round.
  double minutes = 10;
  uint32_t rounds = 5;
};

/// Prints simulated hours a minute on one core, with all checkers. Errors: internal, where a promise was broken.
result<void> bench_simulation(const simulation_speed_options& options);

}  // namespace troupe
