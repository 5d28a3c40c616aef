// What became of one request, in words.
#pragma once

#include <string>
#include <vector>

#include "simulations/report/summary.hpp"

namespace troupe::simulation {

/// How it began, its tokens, the groups that gave them (where the record says), how it ended.
std::vector<std::string> texts_of(const request_summary& request);

}  // namespace troupe::simulation
