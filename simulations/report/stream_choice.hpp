// Which streams of a run are worth a look: a page cannot show all.
#pragma once

#include <vector>

#include "simulations/report/summary.hpp"

namespace troupe::simulation {

/// Whether somebody would want to look at it: it moved, failed, has not ended, or a violation names it.
bool is_notable(const run_summary& run, const request_summary& request);

/// The indexes of at most so many requests, in their order: the notable ones, then others from all over the run.
std::vector<size_t> streams_to_draw(const run_summary& run, size_t streams_max);

}  // namespace troupe::simulation
