// Clock, log and metrics of a simulated node.
#pragma once

#include <string>
#include <vector>

#include "actors/runtime/metrics.hpp"
#include "base/clock.hpp"
#include "base/log.hpp"
#include "simulations/world/world.hpp"

namespace troupe::simulation {

/// The world's time, on a machine that was started an hour before the world began.
class node_clock final : public clock {
 public:
  explicit node_clock(const world& where) : world_(where) {}

  instant now() const override { return instant(std::chrono::hours(1) + world_.now()); }
  std::chrono::sys_time<std::chrono::milliseconds> wall_now() const override {
    constexpr std::chrono::sys_days beginning{std::chrono::year(2026) / 1 / 1};
    return beginning + std::chrono::duration_cast<std::chrono::milliseconds>(world_.now());
  }

 private:
  const world& world_;
};

/// Every event of a node becomes one of the world's history, debug events left out.
class node_log final : public logger {
 public:
  /// Errors are kept besides.
  node_log(world& where, std::string node, std::vector<std::string>& errors)
      : world_(where), node_(std::move(node)), errors_(errors) {}

  void write(log_level level, std::string_view event, std::initializer_list<log_field> fields) override {
    if (level == log_level::debug || cut_) return;
    if (level == log_level::error) errors_.push_back(to_text(event, fields));
    world_.note(node_, event, fields);
  }
  /// Who has ended says nothing more.
  void cut() { cut_ = true; }

 private:
  /// Of an error, for who has to find its reason.
  std::string to_text(std::string_view event, std::initializer_list<log_field> fields) const {
    std::string text = std::to_string(world_.now() / std::chrono::milliseconds(1)) + " ms, " + node_ + ": ";
    text += event;
    for (const log_field& field : fields) {
      const auto* value = std::get_if<std::string_view>(&field.value);
      if (value != nullptr) text.append(", ").append(field.key).append(" ").append(*value);
    }
    return text;
  }

  world& world_;
  std::string node_;
  std::vector<std::string>& errors_;
  bool cut_ = false;
};

}  // namespace troupe::simulation
