// The tokens of a vocabulary from the most to the least likely, sorted only as far as somebody looks.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/ids.hpp"

namespace troupe {

/// Orders tokens by (logit descending, id ascending); -0 equals +0. Tokens at -inf are not in it. No logit may be NaN.
/// Looking at the first n costs one partition of the whole vocabulary and a sort of about n, however flat the logits
/// are.
class ranking {
 public:
  explicit ranking(std::span<const float> logits);

  size_t size() const { return keys_.size(); }
  /// The token of rank `index` < size().
  token_id id(size_t index);

 private:
  void sort_up_to(size_t index);

  // Inverted sortable bits of the logit in the upper half, the id in the lower: ascending keys are the order, and
  // no two are equal.
  std::vector<uint64_t> keys_;
  size_t sorted_ = 0;
};

}  // namespace troupe
