#include "actors/group_leader/step_allowance.hpp"

#include <algorithm>
#include <bit>

namespace troupe {
namespace {

constexpr int64_t slack = 10;
constexpr int64_t first_slack = 30;
constexpr int decay = 64;
// Nobody waits longer for a step, whatever was measured; and no product overflows.
constexpr std::chrono::nanoseconds longest = std::chrono::hours(24);

std::chrono::nanoseconds at_most_longest(std::chrono::nanoseconds took, int64_t times) {
  return took > longest / times ? longest : took * times;
}

size_t class_of(uint32_t tokens) { return static_cast<size_t>(std::bit_width(std::max(tokens, 1U))) - 1; }

}  // namespace

void step_allowance::add(uint32_t tokens, std::chrono::nanoseconds took) {
  auto& slow = slow_.at(class_of(tokens));
  slow = slow ? std::max(took, *slow - (*slow - took) / decay) : took;
}

std::chrono::nanoseconds step_allowance::of(uint32_t tokens) const {
  auto wanted = class_of(tokens);
  for (auto k = wanted; k < classes; ++k) {
    if (slow_[k]) return std::max(floor_, at_most_longest(*slow_[k], slack));
  }
  for (auto k = wanted; k-- > 0;) {
    if (slow_[k]) return std::max(floor_, at_most_longest(*slow_[k], slack << (wanted - k)));
  }
  return std::max(floor_, at_most_longest(floor_, first_slack));
}

}  // namespace troupe
