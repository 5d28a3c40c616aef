#include "actors/outside/compute/step_pooling.hpp"

#include <string>

#include "shards/pooling/pooling.hpp"

namespace troupe {

result<void> check_pooling(const step_request& request) {
  const std::vector<sequence_step>& sequences = request.plan.sequences;
  const auto refusal = [](size_t sequence, const std::string& what) {
    return error{errc::invalid_argument, "sequence " + std::to_string(sequence) + " of the step " + what};
  };
  size_t next = 0;
  for (size_t i = 0; i < sequences.size(); ++i) {
    if (sequences[i].wants_hidden == 0) continue;
    if (next == request.pooling.size() || request.pooling[next].sequence != i)
      return refusal(i, "wants rows that nothing becomes of");
    ++next;
  }
  if (next < request.pooling.size()) return refusal(request.pooling[next].sequence, "has no rows to be pooled");
  return {};
}

std::vector<std::vector<double>> pool_step(const step_request& request, const shard& led) {
  std::vector<std::vector<double>> pooled;
  pooled.reserve(request.pooling.size());
  uint32_t row = 0;
  for (const pooling_task& task : request.pooling) {
    std::vector<double> sum = task.sum;
    for (uint32_t end = row + request.plan.sequences[task.sequence].wants_hidden; row < end; ++row)
      add_row(sum, led.hidden(row));
    pooled.push_back(std::move(sum));
  }
  return pooled;
}

}  // namespace troupe
