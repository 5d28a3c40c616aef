// Many seeds, each judged: several processes, so that a seed that dies is a finding and not the end.
#pragma once

#include <functional>

#include "base/planted_bug.hpp"
#include "base/result.hpp"
#include "cli/simulate/swarm_report.hpp"

namespace troupe {

struct swarm_plan {
  uint64_t first_seed = 0;
  /// 0: as many as there is time for.
  uint64_t seeds = 0;
  /// Of real time; no seed begins after that. 0: until all seeds are through.
  duration time{};
  /// Of real time; a seed that takes longer hangs, and its process is ended.
  duration seed_time_max = std::chrono::minutes(5);
  uint32_t jobs = 1;
  /// Of every run: run_options::arrivals.
  std::string arrivals{};
  /// What every seed's cluster does wrong; none where no bug can be planted.
  planted_bug bug = planted_bug::none;
  /// Whether the first violation is enough.
  bool stops_at_first = false;
};

/// `progress` is called about once a second. Errors: io_failed: no process can be made; those of
/// read_request_trace.
result<swarm_report> run_swarm(const swarm_plan& plan, const std::function<void(const swarm_report&)>& progress);

}  // namespace troupe
