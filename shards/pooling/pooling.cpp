#include "shards/pooling/pooling.hpp"

#include <cmath>

#include "base/check.hpp"

namespace troupe {

void add_row(std::vector<double>& sum, std::span<const float> row) {
  if (sum.empty()) sum.resize(row.size());
  TROUPE_CHECK(sum.size() == row.size());
  for (size_t i = 0; i < row.size(); ++i) sum[i] += double{row[i]};
}

std::vector<float> unit_vector(std::span<const double> values) {
  double squares = 0;
  for (double value : values) squares += value * value;
  const double length = std::sqrt(squares);
  std::vector<float> out(values.size());
  if (length == 0) return out;
  for (size_t i = 0; i < values.size(); ++i) out[i] = static_cast<float>(values[i] / length);
  return out;
}

std::vector<float> shortened(std::span<const float> embedding, size_t dimensions) {
  TROUPE_CHECK(dimensions <= embedding.size());
  const auto first = embedding.first(dimensions);
  return unit_vector(std::vector<double>(first.begin(), first.end()));
}

}  // namespace troupe
