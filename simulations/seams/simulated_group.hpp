// The compute seam of a simulation: the devices of a group's ranks. They meet, take a step together, and end together,
// as shards do through their communicator: a step waits for a rank that is stopped until its deadline, and ends at once
// when one has died.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "actors/seams/compute.hpp"
#include "simulations/seams/hash_model.hpp"
#include "simulations/world/world.hpp"

namespace troupe::simulation {

/// How long things take.
struct device_times {
  duration load_min = std::chrono::milliseconds(200), load_max = std::chrono::seconds(3);
  duration step = std::chrono::milliseconds(3), token = std::chrono::microseconds(30);
  /// A rank takes up to so much more.
  double jitter = 0.5;
};

/// What is wrong with one device.
struct device_trouble {
  /// It takes so many times as long.
  double slowness = 1;
  /// It does nothing.
  bool hangs = false;
  /// Its next part of a step fails.
  bool fails = false;
  /// Its weights cannot be read.
  bool cannot_load = false;
};

struct device_config {
  /// Of the rank's node.
  owner_number owner = 0;
  uint32_t rank = 0, tp = 1;
  plan_limits limits;
  std::string fingerprint = "simulated/1";
  /// Whether the other ranks' devices can be reached from this one now; empty: always.
  std::function<bool()> reaches_others{};
};

class device_group;

/// All devices: those of one incarnation of a group find each other here.
class device_park {
 public:
  explicit device_park(world& where) : world_(where), random_(where.seed(), drawn_by::devices) {}

  /// One rank's. It must not outlive the park; its end is the rank's death.
  std::unique_ptr<compute> make(group_number group, generation_number generation, const device_config& config);

  device_times times;
  /// Whoever loads weights now waits until that is over: the disk is cold, or busy.
  bool cold = false;

  /// Of that rank, in this incarnation of its group and those that follow, until well().
  void trouble(group_number group, uint32_t rank, const device_trouble& what) { troubles_[{group, rank}] = what; }
  void well(group_number group, uint32_t rank) { troubles_.erase({group, rank}); }

 private:
  friend class device_group;

  device_trouble trouble_of(group_number group, uint32_t rank) const {
    const auto found = troubles_.find({group, rank});
    return found == troubles_.end() ? device_trouble() : found->second;
  }

  world& world_;
  seeded_random random_;
  std::map<std::pair<group_number, generation_number>, std::weak_ptr<device_group>> groups_;
  std::map<std::pair<group_number, uint32_t>, device_trouble> troubles_;
};

}  // namespace troupe::simulation
