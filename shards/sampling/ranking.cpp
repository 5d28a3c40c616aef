#include "shards/sampling/ranking.hpp"

#include <algorithm>
#include <bit>
#include <limits>

#include "base/check.hpp"

namespace troupe {
namespace {

// Enough for most draws: a language model's first 64 tokens usually hold nearly all of the probability.
constexpr size_t first_batch = 64;
constexpr size_t growth = 8;

/// Maps floats to integers so that a larger float gives a smaller integer. Adding 0 turns -0 into +0.
uint32_t descending_bits(float value) {
  auto bits = std::bit_cast<uint32_t>(value + 0.0F);
  return (bits & 0x80000000U) != 0 ? bits : ~bits & 0x7FFFFFFFU;
}

}  // namespace

ranking::ranking(std::span<const float> logits) {
  keys_.reserve(logits.size());
  for (size_t i = 0; i < logits.size(); ++i) {
    if (logits[i] == -std::numeric_limits<float>::infinity()) continue;
    keys_.push_back(uint64_t{descending_bits(logits[i])} << 32 | i);
  }
}

token_id ranking::id(size_t index) {
  TROUPE_CHECK(index < keys_.size());
  if (index >= sorted_) sort_up_to(index);
  return static_cast<token_id>(keys_[index]);
}

void ranking::sort_up_to(size_t index) {
  size_t end = std::max(sorted_ * growth, first_batch);
  while (end <= index) end *= growth;
  auto from = keys_.begin() + static_cast<std::ptrdiff_t>(sorted_);
  if (end < keys_.size()) {
    auto to = keys_.begin() + static_cast<std::ptrdiff_t>(end);
    std::nth_element(from, to, keys_.end());
    std::sort(from, to);
    sorted_ = end;
  } else {
    std::sort(from, keys_.end());
    sorted_ = keys_.size();
  }
}

}  // namespace troupe
