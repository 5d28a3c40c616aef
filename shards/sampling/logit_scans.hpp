// The sampler's loops over a whole vocabulary, which is where its time goes: compiled for several instruction sets, of
// which the best that the processor has is used. All give the same result to the bit: the elements are computed alike,
// and what is added up are integers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace troupe {

/// How far next_block() looks at once.
inline constexpr size_t logit_block = 64;

struct logit_scans {
  /// The largest of `count` >= 1 logits. `sound` is set to whether none is NaN or +inf; where one is, the result means
  /// nothing.
  float (*largest)(const float* logits, size_t count, bool& sound);
  /// How many are above -inf.
  size_t (*possible)(const float* logits, size_t count);
  /// The sum of the weights of sampler.hpp's step 2.
  uint64_t (*sum_of_weights)(const float* logits, size_t count, double max, double temperature);
  /// Where the first block begins, at `from` (a multiple of logit_block) or after it, that has a logit of at least
  /// `least`; `count` or more where none has.
  size_t (*next_block)(const float* logits, size_t count, size_t from, float least);
  /// "avx2"
  const char* name;
};

/// The fastest for this processor.
const logit_scans& best_logit_scans();
/// All that this processor can run, to be compared with each other.
std::vector<const logit_scans*> all_logit_scans();

}  // namespace troupe
