// Where a moment stands in the picture of a run: in parts of its width, so that zooming is nothing but a wider picture.
#pragma once

#include <string>
#include <vector>

#include "base/clock.hpp"

namespace troupe::simulation {

class time_scale {
 public:
  /// All between is in the picture.
  time_scale(duration from, duration to);

  /// "12.3456%": moments outside are at its ends.
  std::string x(duration at) const { return percent(part(at)); }
  std::string width(duration from, duration to) const { return percent(part(to) - part(from)); }
  /// In pixels, where the picture is as wide as it is at least: what is room enough then is so always.
  double pixel(duration at) const { return static_cast<double>(part(at)) * pixels() / parts; }
  /// At least as wide as this.
  int pixels() const { return pixels_; }
  duration from() const { return from_; }
  duration to() const { return to_; }

  /// The shortest of the usual steps (1, 2, 5, 10 ms and so on) that is at least so many pixels.
  duration step(double pixels_apart) const;

 private:
  static constexpr int64_t parts = 1'000'000;
  int64_t part(duration at) const;
  static std::string percent(int64_t part);

  duration from_, to_;
  int pixels_;
};

/// Puts what has a width into as few rows as its neighbours leave room for.
class row_packer {
 public:
  /// The first row that is free from `begin` on, and is taken up to `end` now.
  size_t place(double begin, double end);
  size_t rows() const { return ends_.size(); }

 private:
  std::vector<double> ends_;
};

}  // namespace troupe::simulation
