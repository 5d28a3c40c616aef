// The life of one group, decided: pure, so that every order of events can be tested. The group supervisor's actor tells
// it what happened and carries out what it says, in order.
//
//   stopped ──start──▶ backing_off ──delay──▶ starting ──all ranks ready──▶ ready ──drain──▶ draining
//                          ▲                     │                            │                  │ idle
//                          ├──── it failed ◀─────┴────────────────────────────┘                  ▼
//                          │ (generation + 1 is stored first: a fence)                    backing_off or stopped
//                        failed: too many restarts in the period; tried again after a whole period
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "actors/runtime/messages.hpp"
#include "actors/runtime/restart_intensity.hpp"
#include "schemas/cluster.hpp"

namespace troupe {

class group_life {
 public:
  struct config {
    uint32_t ranks = 1;
    restart_limits restarts;
    duration start_timeout = std::chrono::minutes(2);
    /// After a restart of control: how long the ranks of the stored generation have to report.
    duration adopt_timeout = std::chrono::seconds(3);
    duration drain_timeout = std::chrono::seconds(30);
  };

  // What the actor has to do, in order.
  /// Store this generation before anything else that follows.
  struct store_generation {
    generation_number generation;
  };
  /// End what lives of older generations.
  struct end_older {};
  /// Ask the hosts to start the present generation.
  struct start {};
  /// Tell the router the present state.
  struct announce {};
  struct log_failure {
    generation_number generation;
    std::string why;
    bool gave_up;
  };
  struct log_recovery {
    duration since_failure;
  };
  using action = std::variant<store_generation, end_older, start, announce, log_failure, log_recovery>;
  using actions = std::vector<action>;

  explicit group_life(config c) : config_(c), intensity_(c.restarts) {}

  /// Once, first: with the stored generation, 0 if there is none.
  actions begin(generation_number stored, instant now);
  actions on_ready(const rank_ready& ready, generation_number generation, instant now);
  /// A rank failed, its process ended, its node is silent or unlinked. News of another generation change nothing.
  actions on_failure(generation_number generation, const std::string& why, instant now);
  /// What lives on a host that is to have `placed` of the group's ranks, told when the link to its agent comes up.
  actions on_host(const std::vector<group_process>& alive, group_number group, uint32_t placed, instant now);
  /// A host could not start its part of it.
  actions on_start_failed(generation_number generation, const std::string& why, instant now);
  actions on_drain(bool start_again, instant now);
  actions on_idle(generation_number generation, instant now);
  actions on_time(instant now);

  group_phase phase() const { return phase_; }
  generation_number generation() const { return generation_; }
  uint32_t restarts() const { return intensity_.restarts_total(); }
  /// Whether what the stored generation does is not known yet.
  bool adopting() const { return adopting_ && phase_ == group_phase::starting; }
  const std::string& fingerprint() const { return fingerprint_; }
  const std::string& last_failure() const { return last_failure_; }
  const std::set<uint32_t>& ready_ranks() const { return ready_; }

 private:
  actions next_generation();
  actions fail(const std::string& why, instant now);

  config config_;
  restart_intensity intensity_;
  group_phase phase_ = group_phase::stopped;
  generation_number generation_ = 0;
  std::set<uint32_t> ready_;
  std::string fingerprint_;
  std::string last_failure_;
  /// Of the present phase: when to act by itself.
  std::optional<instant> due_;
  std::optional<instant> failed_at_;
  bool restart_after_drain_ = false;
  /// Waiting for ranks that an earlier control node started.
  bool adopting_ = false;
};

}  // namespace troupe
