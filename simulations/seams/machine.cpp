#include "simulations/seams/machine.hpp"

#include <algorithm>
#include <utility>

namespace troupe::simulation {

machine::~machine() {
  // One by one: a process's end may look for others.
  while (!children_.empty()) children_.pop_back();
}

result<std::vector<process_status>> machine::start(const std::vector<process_spec>& specs) {
  if (out_of_processes) return error{errc::io_failed, "no process can be made: too many files are open"};
  for (const process_spec& spec : specs) {
    if (find(spec.name, spec.generation) != children_.end())
      return error{errc::conflict, spec.name + " of generation " + std::to_string(spec.generation) + " lives already"};
  }
  std::vector<process_status> started;
  for (const process_spec& spec : specs) {
    children_.push_back({spec, ++pids_, nullptr});
    started.push_back({spec.name, spec.generation, pids_});
    world_.note(name_, "os.started",
                {{"process", spec.name}, {"generation", spec.generation}, {"pid", int64_t{pids_}}});
    world_.after(random_.between(start_min, start_max), owner_, [this, pid = pids_] { begin(pid); });
  }
  return started;
}

void machine::begin(int32_t pid) {
  const auto its = std::ranges::find(children_, pid, &child::pid);
  if (its == children_.end()) return;  // killed before it ran
  its->it = run_(its->spec, [this, pid](int exit_code) {
    // Its own event is the one that is happening.
    world_.soon(0, [this, pid, exit_code] { exited(pid, "exit " + std::to_string(exit_code)); });
  });
}

bool machine::end(const node_name& node, generation_number generation, end_process how) {
  const auto its = find(node, generation);
  if (its == children_.end()) return false;
  if (how == end_process::terminate) {
    // A stopped process gets it when it goes on.
    if (its->it) world_.soon(its->it->owner(), [it = its->it.get()] { it->terminate(); });
    return true;
  }
  // Its own event may be the one that is happening.
  world_.soon(0, [this, pid = its->pid] { exited(pid, "signal 9 (Killed)"); });
  return true;
}

process* machine::running(const node_name& node, generation_number generation) {
  const auto its = find(node, generation);
  return its == children_.end() ? nullptr : its->it.get();
}

bool machine::stop(int32_t pid) {
  const auto its = std::ranges::find(children_, pid, &child::pid);
  if (its == children_.end() || !its->it) return false;
  if (world_.freeze(its->it->owner()))
    world_.note(name_, "os.stopped", {{"process", its->spec.name}, {"generation", its->spec.generation}});
  return true;
}

void machine::go_on(int32_t pid) {
  const auto its = std::ranges::find(children_, pid, &child::pid);
  if (its == children_.end()) return;  // ended meanwhile
  if (world_.thaw(its->it->owner()))
    world_.note(name_, "os.goes_on", {{"process", its->spec.name}, {"generation", its->spec.generation}});
}

void machine::pause() {
  world_.freeze(owner_);
  for (const child& each : children_)
    if (stop(each.pid)) paused_.push_back(each.pid);
}

void machine::resume() {
  world_.thaw(owner_);
  for (const int32_t pid : std::exchange(paused_, {})) go_on(pid);
}

std::vector<process_status> machine::list() const {
  std::vector<process_status> all;
  for (const child& each : children_) all.push_back({each.spec.name, each.spec.generation, each.pid});
  return all;
}

void machine::watch(owner_number agent, std::function<void(const process_exit&)> handler) {
  agent_ = agent;
  handler_ = std::move(handler);
  report();
}

void machine::unwatch(owner_number agent) {
  if (agent_ != agent) return;
  agent_ = 0;
  handler_ = nullptr;
}

std::list<machine::child>::iterator machine::find(const node_name& node, generation_number generation) {
  return std::ranges::find_if(
      children_, [&](const child& each) { return each.spec.name == node && each.spec.generation == generation; });
}

void machine::exited(int32_t pid, std::string how) {
  const auto its = std::ranges::find(children_, pid, &child::pid);
  if (its == children_.end()) return;  // two reasons at once
  world_.note(name_, "os.ended", {{"process", its->spec.name}, {"generation", its->spec.generation}, {"how", how}});
  unreported_.push_back({its->spec.name, its->spec.generation, pid, std::move(how)});
  // Out of the table first: its end may start others.
  std::list<child> gone;
  gone.splice(gone.begin(), children_, its);
  gone.clear();
  report();
}

void machine::report() {
  if (!handler_) return;
  for (process_exit& exit : std::exchange(unreported_, {}))
    world_.after(std::chrono::microseconds(200), agent_,
                 [handler = handler_, exit = std::move(exit)] { handler(exit); });
}

}  // namespace troupe::simulation
