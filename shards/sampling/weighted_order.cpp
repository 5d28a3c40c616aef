#include "shards/sampling/weighted_order.hpp"

#include <algorithm>
#include <numeric>
#include <vector>

#include "base/check.hpp"
#include "shards/sampling/ranking.hpp"
#include "shards/sampling/weight.hpp"

namespace troupe {
namespace {

struct member {
  uint64_t key = 0;
  uint64_t weight = 0;
  bool operator<(const member& other) const { return key < other.key; }
};

/// Few enough to be sorted.
constexpr std::ptrdiff_t few = 32;

/// The first of `members` at which the running sum, `before` at their beginning, exceeds `target`, as it does at the
/// last at the latest.
weighted_order::place find_among(std::vector<member>& members, uint64_t before, uint64_t target) {
  const auto add = [](uint64_t sum, const member& m) { return sum + m.weight; };
  auto begin = members.begin(), end = members.end();
  while (end - begin > few) {
    const auto middle = begin + (end - begin) / 2;
    std::nth_element(begin, middle, end);
    const uint64_t lower = std::accumulate(begin, middle, before, add);
    if (lower > target) {
      end = middle;
    } else {
      before = lower;
      begin = middle;
    }
  }
  std::sort(begin, end);
  for (;; ++begin) {
    before += begin->weight;
    if (before > target) return {static_cast<uint32_t>(begin->key), before};
  }
}

}  // namespace

weighted_order::weighted_order(std::span<const float> logits, float max, float temperature)
    : logits_(logits), max_(max), temperature_(temperature), buckets_(max, temperature) {
  best_logit_scans().add_to_buckets(logits.data(), logits.size(), max_, temperature_, buckets_, sums_.data());
  total_ = std::accumulate(sums_.begin(), sums_.end(), uint64_t{0});
}

weighted_order::place weighted_order::find(uint64_t target) const {
  TROUPE_CHECK(target < total_);
  uint64_t before = 0;
  uint32_t bucket = 0;
  while (before + sums_[bucket] <= target) before += sums_[bucket++];
  std::vector<member> members;
  const auto& scans = best_logit_scans();
  const size_t count = logits_.size();
  for (size_t block = 0; (block = scans.next_in_bucket(logits_.data(), count, block, buckets_, bucket)) < count;
       block += logit_block) {
    for (size_t i = block; i < std::min(block + logit_block, count); ++i) {
      if (buckets_.of(logits_[i]) == bucket)
        members.push_back({order_key(logits_[i], static_cast<token_id>(i)), weight_of(logits_[i], max_, temperature_)});
    }
  }
  return find_among(members, before, target);
}

}  // namespace troupe
