// Which pairs of tokens merge, how early, and into what: a hash table with one probe where a map would chase pointers,
// since merging a text asks it several times a byte.
#pragma once

#include <cstdint>
#include <vector>

#include "base/ids.hpp"

namespace troupe {

struct merge {
  /// The lowest rank merges first.
  uint32_t rank = 0;
  token_id token = 0;
};

class merge_table {
 public:
  /// Room for `count` pairs; no more may be put.
  explicit merge_table(size_t count = 0) {
    size_t capacity = 16;
    while (capacity < 2 * count) capacity *= 2;
    slots_.resize(capacity);
  }

  /// A pair that is put again gets the later merge.
  void put(token_id left, token_id right, merge m) { slots_[slot_of(left, right)] = {left, right, m}; }

  /// Nullptr where the pair does not merge.
  const merge* find(token_id left, token_id right) const {
    const auto& s = slots_[slot_of(left, right)];
    return s.left == none ? nullptr : &s.value;
  }

 private:
  static constexpr token_id none = UINT32_MAX;
  struct slot {
    token_id left = none;
    token_id right = none;
    merge value;
  };

  // The slot that holds the pair, or the free one where it would go. There is always a free one: half are.
  size_t slot_of(token_id left, token_id right) const {
    uint64_t h = (uint64_t{left} << 32 | right) * 0x9E3779B97F4A7C15U;  // Fibonacci hashing, Knuth vol. 3, 6.4
    size_t at = static_cast<size_t>(h ^ h >> 32) & (slots_.size() - 1);
    while (slots_[at].left != none && (slots_[at].left != left || slots_[at].right != right))
      at = (at + 1) & (slots_.size() - 1);
    return at;
  }

  std::vector<slot> slots_;
};

}  // namespace troupe
