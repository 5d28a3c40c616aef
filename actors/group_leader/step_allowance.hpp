// How long a step may take before its group counts as hung: ten times what such steps took lately, at least a floor.
// Pure: the leader's actor measures and watches.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>

namespace troupe {

class step_allowance {
 public:
  /// `floor`: what every step may take. The first may take thirty times that: weights still come from the disk and
  /// nobody knows how fast the machine is.
  explicit step_allowance(std::chrono::nanoseconds floor) : floor_(floor) {}

  /// A step of so many tokens (>= 1) took so long.
  void add(uint32_t tokens, std::chrono::nanoseconds took);
  /// Where no step of about that size was seen: by the next larger one, else by the next smaller one in proportion.
  /// Never more than 24 hours, or the floor.
  std::chrono::nanoseconds of(uint32_t tokens) const;

 private:
  /// Steps of 2^k to 2^(k+1) - 1 tokens share one class.
  static constexpr size_t classes = 32;

  std::chrono::nanoseconds floor_;
  /// The slowest of the recent steps of each class: each faster one lets it fall by a 64th of the difference.
  std::array<std::optional<std::chrono::nanoseconds>, classes> slow_;
};

}  // namespace troupe
