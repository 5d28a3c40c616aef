// CAF inside the world: the actors of one node run when the world chooses one of them, and their timers are the
// world's.
#pragma once

#include <caf/actor_clock.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/execution_unit.hpp>
#include <caf/scheduler/abstract_coordinator.hpp>
#include <deque>

#include "actors/runtime/runtime.hpp"
#include "simulations/world/machine_clock.hpp"
#include "simulations/world/world.hpp"

namespace troupe::simulation {

/// A node's configuration of CAF. It must outlive the actor system, and the world and the clock both.
class node_actor_config : registered_messages, public caf::actor_system_config {
 public:
  node_actor_config(world& where, const machine_clock& clock, owner_number whose);

  world& where;
  const machine_clock& clock;
  const owner_number whose;
};

/// The module of an actor system of a node_actor_config.
class node_scheduler final : public caf::scheduler::abstract_coordinator {
 public:
  explicit node_scheduler(caf::actor_system& system);

  static caf::actor_system::module* make(caf::actor_system& system, caf::detail::type_list<>);
  static void add_module_options(caf::actor_system_config&) {}

  /// Runs jobs until none is left: for a node that the world has forgotten, so that its actors can end. The actor
  /// system's destructor waits for them.
  void run_all();

  caf::actor_clock& clock() noexcept override { return clock_; }
  bool detaches_utility_actors() const override { return false; }

 protected:
  void start() override;
  void stop() override;
  void enqueue(caf::resumable* job) override;

 private:
  class world_clock final : public caf::actor_clock {
   public:
    explicit world_clock(const node_actor_config& config) : config_(config) {}
    time_point now() const noexcept override { return time_point(config_.clock.shows(config_.where.now())); }
    caf::disposable schedule_periodically(time_point first_run, caf::action f, duration_type period) override;

   private:
    const node_actor_config& config_;
  };

  class unit final : public caf::execution_unit {
   public:
    explicit unit(node_scheduler& of) : caf::execution_unit(&of.system()), of_(of) {}
    void exec_later(caf::resumable* job) override { of_.enqueue(job); }

   private:
    node_scheduler& of_;
  };

  void run_one();

  const node_actor_config& config_;
  world_clock clock_;
  unit unit_;
  std::deque<caf::resumable*> jobs_;
};

}  // namespace troupe::simulation
