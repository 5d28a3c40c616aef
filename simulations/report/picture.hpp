// The picture of a run: time from left to right, a lane for each group, node and stream. What stands in it can be
// looked at without a script; its colours are the page's.
#pragma once

#include <string>
#include <vector>

#include "simulations/report/summary.hpp"

namespace troupe::simulation {

struct page_bounds {
  /// Those with failovers, failures or violations before others.
  size_t streams = 400;
  /// Of nodes and of groups, each.
  size_t lanes = 120;
  /// In one lane.
  size_t bars = 400;
  size_t faults = 200;
  /// Violations and phases, each.
  size_t lines = 60;
};

struct picture {
  /// Two SVG elements of the same height: the lanes' names, and what happened in them.
  std::string names, lanes;
  /// What a bound kept out, in words.
  std::vector<std::string> left_out;
};

picture draw(const run_summary& run, const page_bounds& bounds);

}  // namespace troupe::simulation
