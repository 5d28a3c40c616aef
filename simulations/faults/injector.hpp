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

  /// From now on. When one kind strikes, and for how long, depends on the seed alone, not on which others there are.
  void begin(const std::vector<fault_habit>& faults);
  /// One, now, of what and for how long the seed says. False where there is nothing it could befall: nothing is
  /// befallen twice at once, where the end of one fault would be the end of the other.
  bool cause(fault_kind kind);
  /// Nothing begins any more, and all that works ends.
  void heal();

 private:
  struct harm {
    std::string targets;
    /// Empty: there is nothing to undo.
    std::function<void()> undo;
    /// What no other fault may work on until then; empty: any number may work at once.
    std::string takes;
  };
  struct working {
    uint64_t id;
    harm its;
  };
  struct dice {
    seeded_random when, what;
  };

  void plan(const fault_habit& fault);
  void end(uint64_t id);
  std::optional<harm> harm_of(fault_kind kind, seeded_random& random);

  std::optional<harm> to_process(fault_kind kind, seeded_random& random);
  std::optional<harm> to_machine(fault_kind kind, seeded_random& random);
  std::optional<harm> to_ways(fault_kind kind, seeded_random& random);
  std::optional<harm> to_device(fault_kind kind, seeded_random& random);
  std::optional<harm> to_store(fault_kind kind, seeded_random& random);
  void die_after_write(const node_name& gateway);
  harm to_clock(seeded_random& random);
  std::optional<harm> to_clients(fault_kind kind);

  bool is_taken(const std::string& what) const;
  /// `what` is `to` for a while; nothing where it is already. It must outlive the harm.
  template <class Value>
  std::optional<harm> change(Value& what, Value to, fault_kind kind, const std::string& target);

  machine& any_machine(seeded_random& random);
  /// Two that speak to each other: a gateway and a host or a rank.
  std::pair<node_name, node_name> any_way(seeded_random& random);
  harm change_ways(path_change change, std::string targets);

  cluster& of_;
  client_habits& habits_;
  const owner_number owner_;
  std::map<fault_kind, dice> dice_;
  std::list<working> working_;
  uint64_t begun_ = 0;
  bool healed_ = false;
};

}  // namespace troupe::simulation
