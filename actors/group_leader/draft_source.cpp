#include "actors/group_leader/draft_source.hpp"

#include <algorithm>
#include <bit>
#include <utility>

#include "base/check.hpp"

namespace troupe {

draft_source::draft_source(uint32_t match_min, uint32_t draft_max, uint32_t positions)
    : match_min_(match_min), draft_max_(draft_max), last_(std::bit_ceil(std::clamp(positions, 64U, 1U << 16))) {
  TROUPE_CHECK(match_min >= 1);
}

uint32_t draft_source::slot_of(std::span<const token_id> text, size_t end) const {
  uint64_t hash = 0;
  for (size_t i = end - match_min_; i < end; ++i) hash = (hash ^ text[i]) * 0x9E3779B97F4A7C15;  // 2^64 / golden ratio
  return static_cast<uint32_t>(hash >> 40) & static_cast<uint32_t>(last_.size() - 1);
}

void draft_source::read(std::span<const token_id> text) {
  TROUPE_CHECK(text.size() >= previous_.size());
  for (size_t position = previous_.size(); position < text.size(); ++position) {
    uint32_t before = 0;
    if (position + 1 >= match_min_) {
      before = std::exchange(last_[slot_of(text, position + 1)], static_cast<uint32_t>(position + 1));
    }
    previous_.push_back(before);
  }
}

size_t draft_source::find(std::span<const token_id> text) const {
  const size_t end = text.size();
  if (end < match_min_) return 0;
  size_t best = 0, best_length = match_min_ - 1;
  uint32_t place = previous_[end - 1];
  for (uint32_t looked = 0; place != 0 && looked < places_max; ++looked, place = previous_[place - 1]) {
    size_t length = 0;
    while (length < compared_max && length < place && text[place - 1 - length] == text[end - 1 - length]) ++length;
    if (length > best_length) {
      best = place;
      best_length = length;
    }
  }
  return best;
}

void draft_source::guess(std::span<const token_id> text, uint32_t most, std::vector<token_id>& draft) {
  read(text);
  most = std::min(most, length_);
  if (most == 0) return;
  if (pause_ > 0) {
    --pause_;
    return;
  }
  const size_t from = find(text);
  if (from == 0) return;
  const size_t begin = draft.size();
  // A text that repeats itself with a short period goes on doing so: the guess reads its own beginning.
  for (size_t i = 0; i < most; ++i) {
    const size_t at = from + i;
    draft.push_back(at < text.size() ? text[at] : draft[begin + at - text.size()]);
  }
}

void draft_source::learn(uint32_t guessed, uint32_t right) {
  if (guessed == 0) return;
  length_ = std::min(draft_max_, right + 1);
  failures_ = right > 0 ? 0 : failures_ + 1;
  pause_ = failures_ == 0 ? 0 : std::min(pause_max, 1U << std::min(failures_, 5U)) - 1;
}

}  // namespace troupe
