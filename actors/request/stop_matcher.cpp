#include "actors/request/stop_matcher.hpp"

#include <algorithm>
#include <utility>

namespace troupe {

stop_matcher::stop_matcher(std::vector<std::string> stops) : stops_(std::move(stops)) {
  std::erase_if(stops_, [](const std::string& s) { return s.empty(); });
}

stop_matcher::piece stop_matcher::push(std::string_view text) {
  if (stops_.empty()) return {std::string(text), false};
  held_ += text;

  size_t begin = std::string::npos, end = std::string::npos;
  for (const auto& stop : stops_) {
    size_t at = held_.find(stop);
    if (at == std::string::npos) continue;
    size_t stop_end = at + stop.size();
    if (end == std::string::npos || stop_end < end || (stop_end == end && at < begin)) {
      begin = at;
      end = stop_end;
    }
  }
  if (begin != std::string::npos) {
    piece out{held_.substr(0, begin), true};
    held_.clear();
    return out;
  }

  // Hold the longest tail that begins some stop string.
  size_t hold = 0;
  for (const auto& stop : stops_) {
    for (size_t n = std::min(stop.size() - 1, held_.size()); n > hold; --n) {
      if (std::string_view(held_).substr(held_.size() - n) == std::string_view(stop).substr(0, n)) {
        hold = n;
        break;
      }
    }
  }
  piece out{held_.substr(0, held_.size() - hold), false};
  held_.erase(0, held_.size() - hold);
  return out;
}

std::string stop_matcher::finish() { return std::exchange(held_, {}); }

}  // namespace troupe
