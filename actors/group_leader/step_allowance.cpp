#include "actors/group_leader/step_allowance.hpp"

#include <algorithm>
#include <bit>

namespace troupe {
namespace {

constexpr int slack = 10;
constexpr int first_slack = 30;
constexpr int decay = 64;

size_t class_of(uint32_t tokens) { return static_cast<size_t>(std::bit_width(std::max(tokens, 1U))) - 1; }

}  // namespace

void step_allowance::add(uint32_t tokens, std::chrono::nanoseconds took) {
  auto& slow = slow_.at(class_of(tokens));
  slow = slow ? std::max(took, *slow - (*slow - took) / decay) : took;
}

std::chrono::nanoseconds step_allowance::of(uint32_t tokens) const {
  auto wanted = class_of(tokens);
  for (auto k = wanted; k < classes; ++k) {
    if (slow_[k]) return std::max(floor_, slack * *slow_[k]);
  }
  for (auto k = wanted; k-- > 0;) {
    if (slow_[k]) return std::max(floor_, slack * *slow_[k] * (int64_t{1} << (wanted - k)));
  }
  return first_slack * floor_;
}

}  // namespace troupe
