// What came of a swarm: for people, for programs, and for who wants to run again what failed.
#pragma once

#include <boost/json/object.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.hpp"
#include "cli/simulate/one_run.hpp"
#include "simulations/scenarios/run.hpp"

namespace troupe {

struct failed_seed {
  uint64_t seed = 0;
  /// What was found first; "crash" where the process died, "hang" where it did not come to an end.
  std::string id;
  std::string what;
  uint64_t count = 0;
};

struct swarm_report {
  uint64_t first_seed = 0;
  /// run_options::arrivals.
  std::string arrivals;
  uint64_t seeds = 0;
  /// Of those, run a second time to see whether the history is the same.
  uint64_t repeated = 0;
  duration simulated{}, took{};
  uint64_t events = 0;
  simulation::tally counts;
  simulation::states_reached reached;
  /// In the order of their seeds.
  std::vector<failed_seed> failures;
};

/// For people: what was run, what failed, which states nobody reached.
std::string to_text(const swarm_report& report);
/// The same for programs.
std::string to_json(const swarm_report& report);
/// The failed runs of such a JSON.
result<std::vector<run_options>> read_failed_runs(const std::string& path);

/// Requests and tokens, as a report has them.
boost::json::object to_json(const simulation::tally& counts);
/// Errors: invalid_argument: it is none.
result<simulation::tally> tally_of(const json_reader& from);
/// A member that has to be there. Errors: invalid_argument.
result<uint64_t> count_of(const json_reader& from, std::string_view key);

}  // namespace troupe
