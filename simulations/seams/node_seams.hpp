// Clock, log and metrics of a simulated node.
#pragma once

#include <string>

#include "actors/runtime/metrics.hpp"
#include "base/clock.hpp"
#include "base/log.hpp"
#include "simulations/world/world.hpp"

namespace troupe::simulation {

/// The world's time, on a machine that was started an hour before the world began; its civil time can be wrong.
class node_clock final : public clock {
 public:
  explicit node_clock(const world& where) : world_(where) {}

  instant now() const override { return instant(std::chrono::hours(1) + world_.now()); }
  std::chrono::sys_time<std::chrono::milliseconds> wall_now() const override {
    constexpr std::chrono::sys_days beginning{std::chrono::year(2026) / 1 / 1};
    return beginning + std::chrono::duration_cast<std::chrono::milliseconds>(world_.now()) + offset;
  }

  std::chrono::milliseconds offset{};

 private:
  const world& world_;
};

/// Every event of a node becomes one of the world's history, debug events left out.
class node_log final : public logger {
 public:
  node_log(world& where, std::string node) : world_(where), node_(std::move(node)) {}

  void write(log_level level, std::string_view event, std::initializer_list<log_field> fields) override {
    if (level == log_level::debug) return;
    if (level == log_level::error) ++errors_;
    world_.note(node_, event, fields);
  }
  /// What nobody expects to happen.
  uint64_t errors() const { return errors_; }

 private:
  world& world_;
  std::string node_;
  uint64_t errors_ = 0;
};

}  // namespace troupe::simulation
