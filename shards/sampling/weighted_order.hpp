// Running sums of weights from the most to the least likely, without sorting a vocabulary: what top_p and the draw ask.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "shards/sampling/logit_scans.hpp"

namespace troupe {

/// Logits in the order of ranking.hpp, each with its weight_of(). Built in one scan, which adds the weights up by
/// buckets of nearly equal logits; looking for a sum costs a scan for one bucket and time linear in what it holds.
/// A plain object of 16 KiB; one thread.
class weighted_order {
 public:
  /// logits: at most sampler_vocab_max, no NaN or +inf, the largest of them `max`; they must outlive it, unchanged.
  weighted_order(std::span<const float> logits, float max, float temperature);

  uint64_t total() const { return total_; }

  struct place {
    size_t index = 0;
    /// The weights up to it and with it.
    uint64_t sum = 0;
  };
  /// The first at which the running sum exceeds `target` < total().
  place find(uint64_t target) const;

 private:
  std::span<const float> logits_;
  double max_;
  double temperature_;
  logit_buckets buckets_;
  std::array<uint64_t, logit_buckets::count> sums_{};
  uint64_t total_ = 0;
};

}  // namespace troupe
