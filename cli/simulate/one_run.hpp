// One run of the simulation, as the command line changes what its seed says.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "simulations/scenarios/scenario.hpp"

namespace troupe {

struct run_options {
  uint64_t seed = 0;
  /// Faults and unusual turns (base/buggify_points.def) that it has not, by name.
  std::vector<std::string> without{};
  /// 0: as many, or as long, as the seed says.
  uint32_t clients = 0;
  double harmed_s = 0;
  /// A file with a service's requests (simulations/workload/request_trace.hpp), which come besides the clients'; empty:
  /// none.
  std::string arrivals{};
  /// Files; empty: none.
  std::string trace{}, page{};
};

/// Errors: invalid_argument: there is no such fault; those of read_request_trace.
result<simulation::scenario> scenario_of(const run_options& options);
/// What one types to see it again.
std::string command_of(const run_options& options);
/// Runs it and prints what came of it. The program's exit code: 1 where a promise was broken.
int simulate_one(const run_options& options);

}  // namespace troupe
