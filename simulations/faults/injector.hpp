// Makes things go wrong in a cluster, as the seed and a run's habits say.
#pragma once

#include <functional>
#include <list>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "simulations/faults/fault.hpp"
#include "simulations/workload/client.hpp"

namespace troupe::simulation {

/// The events fault.begins {id, kind, targets} and fault.ends {id} say what it does.
class injector {
 public:
  /// `habits`: those of the cluster's clients. Both must outlive it.
  injector(cluster& of, client_habits& habits);
  ~injector() { of_.where().forget(owner_); }
  injector(const injector&) = delete;
  injector& operator=(const injector&) = delete;

  /// From now on. What one kind does depends on the seed alone, not on which others there are.
  void begin(const std::vector<fault_habit>& faults);
  /// One, now, of what and for how long the seed says. False where there is nothing it could befall.
  bool cause(fault_kind kind);
  /// Nothing begins any more, and all that works ends.
  void heal();
  /// The machine ends with all that runs on it, for ever.
  void lose(const node_name& host);

 private:
  /// What was done, and how it is undone. Empty: there is nothing to undo.
  struct harm {
    std::string targets;
    std::function<void()> undo;
  };
  struct working {
    uint64_t id;
    std::function<void()> undo;
  };

  void plan(const fault_habit& fault);
  void end(uint64_t id);
  std::optional<harm> harm_of(fault_kind kind, seeded_random& random);

  std::optional<harm> to_process(fault_kind kind, seeded_random& random);
  std::optional<harm> to_machine(fault_kind kind, seeded_random& random);
  std::optional<harm> to_ways(fault_kind kind, seeded_random& random);
  std::optional<harm> to_device(fault_kind kind, seeded_random& random);
  harm to_store(seeded_random& random);
  harm to_clock(seeded_random& random);
  harm to_clients(fault_kind kind);

  machine& any_machine(seeded_random& random);
  /// Two that speak to each other: a gateway and a host or a rank.
  std::pair<node_name, node_name> any_way(seeded_random& random);
  harm change_ways(path_change change, std::string targets);

  cluster& of_;
  client_habits& habits_;
  const client_habits usual_;
  const owner_number owner_;
  /// By kind.
  std::map<fault_kind, seeded_random> random_;
  std::list<working> working_;
  uint64_t begun_ = 0;
  bool healed_ = false;
};

}  // namespace troupe::simulation
