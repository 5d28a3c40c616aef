#include "actors/membership/silence_detector.hpp"

#include "base/planted_bug.hpp"

namespace troupe {

std::vector<silence_detector::silent> silence_detector::check(instant now, const std::vector<sign>& signs) {
  // A check that comes an interval late or more means that this node was paused.
  duration late{};
  if (checked_ && now - last_check_ > 2 * interval_) late = now - last_check_ - interval_;
  checked_ = true;
  last_check_ = now;

  std::map<node_name, peer> seen;
  std::vector<silent> out;
  for (const auto& s : signs) {
    auto known = peers_.find(s.node);
    peer p{s.incarnation, s.heard, {}, false};
    if (known != peers_.end() && known->second.incarnation == s.incarnation && known->second.heard == s.heard) {
      p = known->second;
      p.excused += late;
    }
    auto since = now - p.heard - p.excused;
    const duration timeout = makes(planted_bug::suspect_too_soon) ? interval_ : timeout_;
    if (!p.told && since > timeout) {
      p.told = true;
      out.push_back({s.node, s.incarnation, now - p.heard});
    }
    seen[s.node] = p;
  }
  peers_ = std::move(seen);
  return out;
}

}  // namespace troupe
