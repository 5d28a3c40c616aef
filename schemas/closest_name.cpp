#include "schemas/closest_name.hpp"

#include <algorithm>

namespace troupe {
namespace {

constexpr size_t typed_bytes_max = 64;

std::string letters(std::string_view text) {
  std::string out;
  for (char c : text) {
    if (c == '_' || c == '-') continue;
    out.push_back(c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c);
  }
  return out;
}

size_t edits(std::string_view a, std::string_view b) {
  // Rows of the table for the previous two letters of `a`: [j] is the distance to the first j letters of `b`.
  std::vector<size_t> before(b.size() + 1), last(b.size() + 1), now(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) last[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    now[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      now[j] = std::min({last[j] + 1, now[j - 1] + 1, last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1)});
      bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
      if (swapped) now[j] = std::min(now[j], before[j - 2] + 1);
    }
    std::swap(before, last);
    std::swap(last, now);
  }
  return last[b.size()];
}

}  // namespace

std::optional<std::string> closest_name(std::string_view typed, const std::vector<std::string>& candidates) {
  if (typed.size() > typed_bytes_max) return std::nullopt;
  std::optional<std::string> best;
  size_t best_edits = 0;
  for (const auto& candidate : candidates) {
    size_t needed = edits(letters(typed), letters(candidate));
    if (needed > std::max<size_t>(1, candidate.size() / 3)) continue;
    if (!best || needed < best_edits) {
      best = candidate;
      best_edits = needed;
    }
  }
  return best;
}

}  // namespace troupe
