// Many seeds, each judged: several processes, so that a seed that dies is a finding and not the end.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "base/planted_bug.hpp"
#include "base/result.hpp"
#include "simulations/scenarios/run.hpp"

namespace troupe {

struct swarm_plan {
  uint64_t first_seed = 0;
  /// 0: as many as there is time for.
  uint64_t seeds = 0;
  /// Of real time; no seed begins after that. 0: until all seeds are through.
  duration time{};
  uint32_t jobs = 1;
  /// What every seed's cluster does wrong; none where no bug can be planted.
  planted_bug bug = planted_bug::none;
  /// Whether the first violation is enough.
  bool stops_at_first = false;
};

struct failed_seed {
  uint64_t seed = 0;
  /// What was found first; "crash" where the process died.
  std::string id;
  std::string what;
  uint64_t count = 0;
};

struct swarm_report {
  uint64_t first_seed = 0;
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

/// `progress` is called about once a second. Errors: io_failed: no process can be made.
result<swarm_report> run_swarm(const swarm_plan& plan, const std::function<void(const swarm_report&)>& progress);

/// For people: what was run, what failed, which states nobody reached.
std::string to_text(const swarm_report& report);
/// The same for programs.
std::string to_json(const swarm_report& report);
/// The failed seeds of such a JSON.
result<std::vector<uint64_t>> read_failed_seeds(const std::string& path);

}  // namespace troupe
