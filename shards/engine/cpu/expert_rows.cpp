#include "shards/engine/cpu/expert_rows.hpp"

#include <algorithm>

#include "base/check.hpp"

namespace troupe {

void choose_experts(std::span<const float> probabilities, bool normalised, std::span<expert_use> uses) {
  TROUPE_CHECK(uses.size() <= probabilities.size());
  // Sorted by descending probability. What is no number is taken as it comes: there must be as many as asked for.
  size_t chosen = 0;
  for (uint32_t expert = 0; expert < probabilities.size(); ++expert) {
    const float p = probabilities[expert];
    if (chosen == uses.size() && !(p > uses.back().weight)) continue;
    size_t place = chosen < uses.size() ? chosen++ : chosen - 1;
    for (; place > 0 && p > uses[place - 1].weight; --place) uses[place] = uses[place - 1];
    uses[place] = {expert, p};
  }
  if (normalised) {
    float sum = 0;
    for (const expert_use& use : uses) sum += use.weight;
    for (expert_use& use : uses) use.weight /= sum;
  }
  std::ranges::sort(uses, {}, &expert_use::expert);
}

void add_shards_of_row(const float* x, uint32_t shards, size_t width, float* out) {
  const auto at = [&](uint32_t shard, size_t i) { return x[shard * width + i]; };
  for (size_t i = 0; i < width; ++i) {
    float sum = at(0, i);
    if (shards >= 2) sum += at(1, i);
    if (shards >= 4) sum += at(2, i) + at(3, i);
    if (shards >= 8) sum += (at(4, i) + at(5, i)) + (at(6, i) + at(7, i));
    out[i] = sum;
  }
}

}  // namespace troupe
