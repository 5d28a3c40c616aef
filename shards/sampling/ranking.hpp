// The tokens of a vocabulary from the most to the least likely, sorted only as far as somebody looks.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/ids.hpp"

namespace troupe {

/// Ascending keys are the order of a ranking, and no two are equal: the logit turned into bits of which the larger come
/// first, then the id. Adding 0 turns -0 into +0.
inline uint64_t order_key(float logit, token_id id) {
  const auto bits = std::bit_cast<uint32_t>(logit + 0.0F);
  const uint32_t descending = (bits & 0x80000000U) != 0 ? bits : ~bits & 0x7FFFFFFFU;
  return uint64_t{descending} << 32 | id;
}

/// Orders tokens by (logit descending, id ascending); -0 equals +0. Tokens at -inf are not in it. No logit may be NaN.
/// Looking at the first n costs a scan of the vocabulary for those near the largest, a partition of these and a sort of
/// about n, however flat the logits are.
class ranking {
 public:
  /// They must outlive it, unchanged.
  explicit ranking(std::span<const float> logits);

  size_t size() const { return size_; }
  /// The token of rank `index` < size().
  token_id id(size_t index);

 private:
  void collect_more();
  void sort_up_to(size_t index);

  std::span<const float> logits_;
  size_t size_ = 0;
  float largest_ = 0;
  /// Tokens of logits from here on are in keys_; those below are not.
  float collected_from_ = 0;
  /// How far below the largest the next ones are collected.
  float depth_ = 0;
  std::vector<uint64_t> keys_;
  size_t sorted_ = 0;
};

}  // namespace troupe
