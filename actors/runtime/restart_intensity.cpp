#include "actors/runtime/restart_intensity.hpp"

#include <algorithm>

#include "base/planted_bug.hpp"

namespace troupe {

std::optional<duration> restart_intensity::restart(instant now) {
  while (!recent_.empty() && now - recent_.front() > limits_.period) recent_.pop_front();
  if (recent_.size() >= limits_.restarts_max && !makes(planted_bug::restart_without_limit)) return std::nullopt;
  auto doublings = std::min<size_t>(recent_.size(), 20);
  recent_.push_back(now);
  ++total_;
  return std::min(limits_.delay_max, limits_.delay * (int64_t{1} << doublings));
}

}  // namespace troupe
