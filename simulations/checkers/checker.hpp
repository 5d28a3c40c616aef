// What no run may break: each checker judges one promise of reliability.md from events alone. They may be a
// simulation's or those that real processes have logged.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "simulations/world/history.hpp"

namespace troupe::simulation {

struct violation {
  /// Of the checker: "I2".
  std::string id;
  duration at{};
  /// What was wrong, with which request, group or node.
  std::string what;
};

/// Those of one run; the first thousand with their words.
class violations {
 public:
  void add(std::string_view id, duration at, std::string what) {
    if (found_.size() < kept_max) found_.push_back({std::string(id), at, std::move(what)});
    ++count_;
  }
  std::span<const violation> found() const { return found_; }
  uint64_t count() const { return count_; }

 private:
  static constexpr size_t kept_max = 1000;
  std::vector<violation> found_;
  uint64_t count_ = 0;
};

/// In reads(): every event of level error.
inline constexpr std::string_view any_error = "(error)";

class checker {
 public:
  virtual ~checker() = default;
  /// "I2"
  virtual std::string_view id() const = 0;
  /// The names of the events that read() gets, in order.
  virtual std::vector<std::string_view> reads() const = 0;
  virtual void read(const event& what, violations& found) = 0;
  /// There are no more events.
  virtual void end(duration /*at*/, violations& /*found*/) {}
};

}  // namespace troupe::simulation
