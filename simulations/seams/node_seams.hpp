// Clock and log of a simulated node.
#pragma once

#include <string>

#include "base/clock.hpp"
#include "base/log.hpp"
#include "simulations/world/machine_clock.hpp"
#include "simulations/world/world.hpp"

namespace troupe::simulation {

/// Those of its machine, which was started an hour before the world began.
class node_clock final : public clock {
 public:
  node_clock(const world& where, const machine_clock& its) : world_(where), its_(its) {}

  instant now() const override { return instant(std::chrono::hours(1) + its_.shows(world_.now())); }
  std::chrono::sys_time<std::chrono::milliseconds> wall_now() const override {
    constexpr std::chrono::sys_days beginning{std::chrono::year(2026) / 1 / 1};
    const auto shown = std::chrono::duration_cast<std::chrono::milliseconds>(its_.shows(world_.now()));
    return beginning + its_.wall_offset + shown;
  }

 private:
  const world& world_;
  const machine_clock& its_;
};

/// Every event of a node becomes one of the world's history, debug events left out.
class node_log final : public logger {
 public:
  node_log(world& where, std::string node) : world_(where), node_(std::move(node)) {}

  void write(log_level level, std::string_view event, std::initializer_list<log_field> fields) override {
    if (level != log_level::debug && !cut_) world_.note(node_, event, fields, level);
  }
  /// Who has ended says nothing more.
  void cut() { cut_ = true; }

 private:
  world& world_;
  std::string node_;
  bool cut_ = false;
};

}  // namespace troupe::simulation
