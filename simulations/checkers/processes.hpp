// What machines see of their processes: I13, I15, and errors that nobody expects.
//
// Events: os.started and os.ended {process, generation} by a machine; group.ready {group, ready}, group.load,
// group.failed {group, reason} by a gateway; request.ended; phase.healed.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "simulations/checkers/checker.hpp"

namespace troupe::simulation {

/// I13: when a history that was healed is over, everything is there again, once, and nothing is left of what was.
class full_recovery final : public checker {
 public:
  struct group {
    std::string name;
    /// Of its ranks.
    std::vector<std::string> nodes;
  };
  /// What has to be there. Processes beside those are of no business of this checker.
  explicit full_recovery(std::vector<group> groups) : groups_(std::move(groups)) {}
  std::string_view id() const override { return "I13"; }
  std::vector<std::string_view> reads() const override {
    return {"os.started", "os.ended", "group.ready", "group.load", "phase.healed", "request.ended"};
  }
  void read(const event& what, violations& found) override;
  void end(duration at, violations& found) override;

 private:
  std::vector<group> groups_;
  std::map<std::string, std::multiset<uint64_t>, std::less<>> alive_;
  std::map<std::string, bool, std::less<>> ready_;
  std::map<std::string, std::string, std::less<>> load_;
  bool healed_ = false, serves_ = false;
};

/// I15: nothing is restarted more often than its supervisor may. A supervisor that is started anew itself has forgotten
/// what was before.
class bounded_restarts final : public checker {
 public:
  bounded_restarts(uint64_t restarts_max, duration period) : restarts_max_(restarts_max), period_(period) {}
  std::string_view id() const override { return "I15"; }
  std::vector<std::string_view> reads() const override {
    return {"group.failed",         "os.ended", "os.started", "controller.supervisor_restarted", "agent.started",
            "controller.took_lease"};
  }
  void read(const event& what, violations& found) override;

 private:
  /// By name: when it was started within the last period.
  using starts = std::map<std::string, std::deque<duration>, std::less<>>;
  void count(starts& in, std::string_view kind, std::string_view name, duration at, uint64_t most, violations& found);

  uint64_t restarts_max_;
  duration period_;
  starts groups_, processes_;
};

/// What actors log as errors is what nobody expects to happen: only what a run's faults explain may be there.
class expected_errors final : public checker {
 public:
  /// The names of events that may be errors.
  explicit expected_errors(std::set<std::string, std::less<>> expected) : expected_(std::move(expected)) {}
  std::string_view id() const override { return "errors"; }
  std::vector<std::string_view> reads() const override { return {any_error}; }
  void read(const event& what, violations& found) override;

 private:
  std::set<std::string, std::less<>> expected_;
};

}  // namespace troupe::simulation
