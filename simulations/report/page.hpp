// The record of a run as a page to look at: one HTML file that needs nothing else.
#pragma once

#include <string>

#include "simulations/report/picture.hpp"
#include "simulations/report/record.hpp"

namespace troupe::simulation {

struct page_title {
  /// "rolling-restart, seed 17"
  std::string name;
  /// "troupe simulate --scenario rolling-restart --seed 17": what makes it again.
  std::string command;
};

/// Shows the picture without a script; with one it can be zoomed. Its colours follow the reader's choice of light or
/// dark, and do not depend on telling red from green.
std::string timeline_page(const record& of, const page_title& title, const page_bounds& bounds = {});

}  // namespace troupe::simulation
