// What checkers found in a run, as a test's errors.
#pragma once

#include <boost/test/unit_test.hpp>

#include "simulations/scenarios/run.hpp"

namespace troupe::simulation {

inline void check(const outcome& done) {
  for (const violation& each : done.found.found())
    BOOST_ERROR(each.id << " at " << each.at / std::chrono::milliseconds(1) << " ms: " << each.what);
}

}  // namespace troupe::simulation
