#include "shards/sampling/ranking.hpp"

#include <algorithm>
#include <limits>

#include "base/check.hpp"
#include "shards/sampling/logit_scans.hpp"

namespace troupe {
namespace {

// Enough for most draws: a language model's first 64 tokens usually hold nearly all of the probability.
constexpr size_t first_batch = 64;
constexpr size_t growth = 8;

// The first tokens that are looked at: those at least e^-4 as likely as the most likely one, at temperature 1.
constexpr float first_depth = 4;
// Then those another step below, until the last step takes all: a scan costs far less than sorting too many.
constexpr float depth_step = 1.5F;
constexpr float deepest = 40;

}  // namespace

ranking::ranking(std::span<const float> logits) : logits_(logits), depth_(first_depth) {
  const auto& scans = best_logit_scans();
  bool sound = true;
  if (logits.empty()) return;
  largest_ = scans.largest(logits.data(), logits.size(), sound);
  size_ = scans.possible(logits.data(), logits.size());
  collected_from_ = std::numeric_limits<float>::infinity();
}

// Appends the next lower ones: all of them come after those that are there.
void ranking::collect_more() {
  const float lowest = std::numeric_limits<float>::lowest();
  const float least = depth_ > deepest ? lowest : std::max(largest_ - depth_, lowest);
  const auto& scans = best_logit_scans();
  const size_t count = logits_.size();
  for (size_t block = 0; (block = scans.next_block(logits_.data(), count, block, least)) < count;
       block += logit_block) {
    for (size_t i = block; i < std::min(block + logit_block, count); ++i) {
      if (logits_[i] >= least && logits_[i] < collected_from_)
        keys_.push_back(order_key(logits_[i], static_cast<token_id>(i)));
    }
  }
  collected_from_ = least;
  depth_ += depth_step;
}

token_id ranking::id(size_t index) {
  TROUPE_CHECK(index < size_);
  while (index >= keys_.size()) collect_more();
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
