// Measurements that are to be compared: each round has one of each, so that what else the machine does meets all alike.
#pragma once

#include <algorithm>
#include <functional>
#include <string>
#include <vector>

#include "base/result.hpp"

namespace troupe {

using measurement = std::function<result<double>()>;

/// What each gave in each round: [measurement][round]. There is one unmeasured round before, then at least `rounds`,
/// and more until they have taken `least_seconds`: what is short is measured often, for a shared machine's moods last
/// for seconds. Errors: the first of a measurement.
result<std::vector<std::vector<double>>> by_turns(uint32_t rounds, const std::vector<measurement>& measurements,
                                                  double least_seconds = 0);

/// Of a figure's rounds.
struct spread {
  double least = 0, median = 0, most = 0;
};
spread spread_of(std::vector<double> values);
/// "1.30 (1.29 – 1.35)"
std::string to_text(const spread& figures, int digits);

/// a[i] + b[i] for each round.
std::vector<double> sums(const std::vector<double>& a, const std::vector<double>& b);

/// a[i] / b[i] for each round.
std::vector<double> ratios(const std::vector<double>& a, const std::vector<double>& b);

}  // namespace troupe
