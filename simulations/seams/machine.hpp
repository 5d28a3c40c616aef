// The process_host seam of a simulation: a machine and its processes, which outlive the host agent that started them.
#pragma once

#include <functional>
#include <list>
#include <memory>

#include "actors/seams/process_host.hpp"
#include "simulations/world/world.hpp"

namespace troupe::simulation {

/// A process that runs. Its destruction is SIGKILL: whatever of it is in other places learns it from there.
class process {
 public:
  virtual ~process() = default;
  virtual owner_number owner() const = 0;
  /// SIGTERM.
  virtual void terminate() = 0;
  /// Nothing that it still does reaches anybody: what happens now is its last event, and it dies within it.
  virtual void fall_silent() = 0;
};

class machine {
 public:
  /// `ended` is called once, when the process ends by itself.
  using program =
      std::function<std::unique_ptr<process>(const process_spec&, std::function<void(int exit_code)> ended)>;

  /// `run` makes what a process is.
  machine(world& where, node_name name, program run)
      : world_(where),
        owner_(where.new_owner()),
        random_(where.seed(), drawn_by::machines, owner_),
        name_(std::move(name)),
        run_(std::move(run)) {}
  ~machine();

  const node_name& name() const { return name_; }
  result<std::vector<process_status>> start(const std::vector<process_spec>& specs);
  /// By any means: an agent's end_process, the out-of-memory killer, an engineer.
  bool end(const node_name& node, generation_number generation, end_process how);
  /// SIGSTOP; it goes on after as many go_on(). False where no such process runs.
  bool stop(int32_t pid);
  void go_on(int32_t pid);
  /// All of it stands still, what starts too, until resume(). Not twice at once.
  void pause();
  void resume();
  std::vector<process_status> list() const;
  /// Null where no such process runs.
  process* running(const node_name& node, generation_number generation);
  /// Who is told of exits: the agent that runs now. Those that nobody was told of are told at once.
  void watch(owner_number agent, std::function<void(const process_exit&)> handler);
  void unwatch(owner_number agent);

  /// Nothing can be started now.
  bool out_of_processes = false;
  /// From the call to a process that runs.
  duration start_min = std::chrono::milliseconds(2), start_max = std::chrono::milliseconds(50);

 private:
  struct child {
    process_spec spec;
    int32_t pid = 0;
    /// Null while it starts.
    std::unique_ptr<process> it;
  };

  std::list<child>::iterator find(const node_name& node, generation_number generation);
  void begin(int32_t pid);
  void exited(int32_t pid, std::string how);
  void report();

  world& world_;
  /// Of what the machine itself does: starting processes.
  owner_number owner_;
  seeded_random random_;
  node_name name_;
  program run_;
  std::list<child> children_;
  /// Those that pause() has stopped.
  std::vector<int32_t> paused_;
  std::vector<process_exit> unreported_;
  owner_number agent_ = 0;
  std::function<void(const process_exit&)> handler_;
  int32_t pids_ = 100;
};

/// A host agent's access to its machine.
class simulated_process_host final : public process_host {
 public:
  /// `agent`: whose events the exits are.
  simulated_process_host(machine& of, owner_number agent) : machine_(of), agent_(agent) {}
  ~simulated_process_host() override { machine_.unwatch(agent_); }

  void on_exit(std::function<void(const process_exit&)> handler) override {
    machine_.watch(agent_, std::move(handler));
  }
  result<std::vector<process_status>> start(const std::vector<process_spec>& specs, uint64_t) override {
    return machine_.start(specs);
  }
  bool end(const node_name& name, generation_number generation, end_process how) override {
    return machine_.end(name, generation, how);
  }
  std::vector<process_status> list() const override { return machine_.list(); }

 private:
  machine& machine_;
  owner_number agent_;
};

}  // namespace troupe::simulation
