// The SVG elements that a picture of a run is made of, in layers.
#pragma once

#include <string>
#include <string_view>

#include "simulations/report/time_scale.hpp"

namespace troupe::simulation {

/// A part of the height, in pixels.
struct band {
  int y = 0, height = 0;
};

/// Styles are the classes of the page's style sheet. Titles are what a pointer that rests on an element shows; all
/// texts are given as they are, and escaped here.
class canvas {
 public:
  explicit canvas(const time_scale& scale) : scale_(scale) {}

  void bar(std::string_view style, duration from, duration to, band where, const std::string& title);
  /// A symbol around this point, over all bars: "begins", "moved", "died" or "warns".
  void mark(std::string_view symbol, duration at, int y, const std::string& title);
  /// A text that begins there, or ends there; over all marks.
  enum class side : uint8_t { right, left };
  void label(std::string_view style, duration at, int y, std::string_view text, side where = side::right);
  /// From one end to the other.
  void level_line(std::string_view style, int y);
  /// From there down to the ground, under all bars.
  void upright(std::string_view style, duration at, int y);
  /// The same over everything, with a title.
  void upright_over(std::string_view style, duration at, int y, const std::string& title);
  /// A lane's name, beside the picture.
  void name(std::string_view style, int x, int y, std::string_view text);

  /// Two elements of the same height: the names, and all else.
  std::string names(int height) const;
  std::string lanes(int height) const;

 private:
  std::string line(std::string_view style, duration at, int y) const;

  const time_scale& scale_;
  std::string under_, bars_, marks_, labels_, over_, names_;
};

}  // namespace troupe::simulation
