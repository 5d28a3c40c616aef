// What became of one request, in words.
#pragma once

#include <string>
#include <vector>

#include "simulations/report/summary.hpp"

namespace troupe::simulation {

/// How it began, its tokens, the groups that gave them (where the record says), how it ended.
std::vector<std::string> texts_of(const request_summary& request);

/// "12 complete, 1 left, 3 not ended"
std::string ends_text(const std::vector<request_summary>& requests);

}  // namespace troupe::simulation
