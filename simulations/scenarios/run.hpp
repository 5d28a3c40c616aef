// One run of a scenario, judged: a calm cluster, then one to which things happen, then one that is well again.
#pragma once

#include <functional>

#include "simulations/checkers/judge.hpp"
#include "simulations/scenarios/scenario.hpp"
#include "simulations/scenarios/sometimes.hpp"

namespace troupe::simulation {

struct outcome {
  /// Of the whole history.
  uint64_t hash = 0;
  uint64_t events = 0;
  duration lasted{};
  tally counts;
  violations found;
  states_reached reached;
};

/// Every event goes to `reader` too, and each violation as an event "violation" {id, what} when it is found.
outcome run(const scenario& what, const history::reader& reader = {});

}  // namespace troupe::simulation
