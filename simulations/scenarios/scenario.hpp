// What one run is made of: a cluster, its clients, and what goes wrong. All of it follows from the seed.
#pragma once

#include <string>
#include <vector>

#include "simulations/faults/fault.hpp"
#include "simulations/seams/seeded_buggify.hpp"
#include "simulations/seams/simulated_group.hpp"
#include "simulations/workload/arrivals.hpp"
#include "simulations/workload/client.hpp"

namespace troupe::simulation {

struct scenario {
  uint64_t seed = 0;
  cluster_config cluster;
  /// Of each host in its order: the region's number (world/regions.hpp); empty: all in one.
  std::vector<size_t> regions;
  device_times devices;
  /// No machine's clock is faster or slower by more.
  int64_t drift_ppm_max = 0;
  client_habits clients;
  uint32_t clients_count = 8;
  /// Besides those clients, who wait for an answer before they ask again: others, who do not.
  arrival_habits arrivals;
  std::vector<fault_habit> faults;
  /// From the beginning to the end.
  std::vector<buggify_habit> unusual;
  /// Before anything goes wrong; while things do; and after.
  duration calm = std::chrono::seconds(8), harmed = std::chrono::seconds(30), healed = std::chrono::seconds(40);
  /// Of the last, in which nobody asks any more.
  duration draining = std::chrono::seconds(20);
  /// A host that stays lost when all else is healed; empty: none.
  node_name lost;
};

/// Who may start others again so often (supervision.restarts_max) gives up only where something fails for ever.
inline constexpr uint32_t patient_restarts = 60;

/// The swarm's: of each kind of thing, a part, so that some runs have no links cut and others nothing else.
/// With a trace, others' requests come as in it.
scenario scenario_of(uint64_t seed, std::shared_ptr<const request_trace> arrivals = nullptr);

/// One line: how large, which faults.
std::string describe(const scenario& what);

}  // namespace troupe::simulation
