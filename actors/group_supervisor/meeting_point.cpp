#include "actors/group_supervisor/meeting_point.hpp"

#include <algorithm>
#include <numeric>

namespace troupe {

void meeting_point::begin(const std::array<std::byte, 16>& secret) {
  secret_ = secret;
  std::fill(known_.begin(), known_.end(), std::nullopt);
}

bool meeting_point::complete() const {
  return std::all_of(known_.begin(), known_.end(), [](const auto& each) { return each.has_value(); });
}

std::vector<uint32_t> meeting_point::on_listening(const rank_listening& listening) {
  if (listening.rank >= known_.size()) return {};
  const bool before = complete();
  known_[listening.rank] = listening.at;
  if (before) return {listening.rank};
  if (!complete()) return {};
  std::vector<uint32_t> all(known_.size());
  std::iota(all.begin(), all.end(), 0U);
  return all;
}

group_meeting meeting_point::message() const {
  group_meeting meeting{.secret = secret_, .addresses = {}};
  for (const auto& each : known_) meeting.addresses.push_back(each.value());
  return meeting;
}

}  // namespace troupe
