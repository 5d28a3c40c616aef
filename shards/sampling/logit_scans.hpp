// The sampler's loops over a whole vocabulary, which is where its time goes: compiled for several instruction sets, of
// which the best that the processor has is used. All give the same result to the bit: the elements are computed alike,
// and what is added up are integers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

namespace troupe {

/// How far next_block() and next_in_bucket() look at once.
inline constexpr size_t logit_block = 64;

/// Sorts logits into buckets, the larger into the earlier and equal ones into the same. Those that weigh nothing in
/// sampler.hpp's step 2 are in the last.
struct logit_buckets {
  static constexpr uint32_t count = 2048;

  logit_buckets(float largest, float temperature) : max(largest), per_unit(float{count} / deepest / temperature) {
    // 0 times infinity would be no number.
    if (per_unit > std::numeric_limits<float>::max()) per_unit = std::numeric_limits<float>::max();
  }

  /// logit <= max. Always inlined: see logit_scans_loops.hpp.
  [[gnu::always_inline]] uint32_t of(float logit) const {
    const float depth = (max - logit) * per_unit;
    return static_cast<uint32_t>(static_cast<int32_t>(depth < float{count - 1} ? depth : float{count - 1}));
  }

  float max;
  float per_unit;

 private:
  /// How far below the largest, in units of the temperature, weights are 0: e^-31 < 2^-44.
  static constexpr float deepest = 31;
};

struct logit_scans {
  /// The largest of `count` >= 1 logits. `sound` is set to whether none is NaN or +inf; where one is, the result means
  /// nothing.
  float (*largest)(const float* logits, size_t count, bool& sound);
  /// How many are above -inf.
  size_t (*possible)(const float* logits, size_t count);
  /// The sum of the weights (weight.hpp) that are at least `least`.
  uint64_t (*sum_of_weights)(const float* logits, size_t count, double max, double temperature, uint64_t least);
  /// Adds the weight of each to the sum of its bucket, one of logit_buckets::count.
  void (*add_to_buckets)(const float* logits, size_t count, double max, double temperature,
                         const logit_buckets& buckets, uint64_t* sums);
  /// Where the first block begins, at `from` (a multiple of logit_block) or after it, that has a logit of at least
  /// `least`; `count` or more where none has.
  size_t (*next_block)(const float* logits, size_t count, size_t from, float least);
  /// The same for a logit of this bucket.
  size_t (*next_in_bucket)(const float* logits, size_t count, size_t from, const logit_buckets& buckets,
                           uint32_t bucket);
  /// "avx2"
  const char* name;
};

/// The fastest for this processor.
const logit_scans& best_logit_scans();
/// All that this processor can run, to be compared with each other.
std::vector<const logit_scans*> all_logit_scans();

}  // namespace troupe
