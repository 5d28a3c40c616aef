#include "cli/bench/by_turns.hpp"

#include <algorithm>
#include <array>
#include <cstdio>

#include "cli/bench/stopwatch.hpp"

namespace troupe {

result<std::vector<std::vector<double>>> by_turns(uint32_t rounds, const std::vector<measurement>& measurements,
                                                  double least_seconds) {
  std::vector<std::vector<double>> figures(measurements.size());
  const stopwatch time;
  for (uint32_t round = 0; round <= rounds || time.seconds() < least_seconds; ++round) {
    for (size_t i = 0; i < measurements.size(); ++i) {
      TROUPE_ASSIGN(const double figure, measurements[i]());
      if (round > 0) figures[i].push_back(figure);
    }
  }
  return figures;
}

spread spread_of(std::vector<double> values) {
  std::ranges::sort(values);
  return {values.front(), values[values.size() / 2], values.back()};
}

std::string to_text(const spread& figures, int digits) {
  std::array<char, 128> text{};
  std::snprintf(text.data(), text.size(), "%.*f (%.*f – %.*f)", digits, figures.median, digits, figures.least, digits,
                figures.most);
  return text.data();
}

namespace {

template <class Operation>
std::vector<double> of_each(const std::vector<double>& a, const std::vector<double>& b, Operation operation) {
  std::vector<double> out(a.size());
  std::ranges::transform(a, b, out.begin(), operation);
  return out;
}

}  // namespace

std::vector<double> sums(const std::vector<double>& a, const std::vector<double>& b) {
  return of_each(a, b, std::plus());
}

std::vector<double> ratios(const std::vector<double>& a, const std::vector<double>& b) {
  return of_each(a, b, std::divides());
}

}  // namespace troupe
