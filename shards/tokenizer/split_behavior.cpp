#include "shards/tokenizer/split_behavior.hpp"

#include <algorithm>

namespace troupe {
namespace {

struct part {
  text_range range;
  bool match;
};

// The text as matches and what is between them.
std::vector<part> cut(std::span<const text_range> matches, size_t size, bool invert) {
  std::vector<part> parts;
  parts.reserve(2 * matches.size() + 1);
  size_t at = 0;
  for (auto match : matches) {
    if (at != match.begin) parts.push_back({{at, match.begin}, invert});
    parts.push_back({match, !invert});
    at = match.end;
  }
  if (at != size) parts.push_back({{at, size}, invert});
  return parts;
}

// Of a run of touching matches only the first goes to the piece before it.
void merge_with_previous(const std::vector<part>& parts, std::vector<text_range>& out) {
  bool after_match = false;
  for (const auto& p : parts) {
    if (p.match && !after_match && !out.empty()) {
      out.back().end = p.range.end;
    } else {
      out.push_back(p.range);
    }
    after_match = p.match;
  }
}

// Of a run of touching matches only the last goes to the piece after it.
void merge_with_next(const std::vector<part>& parts, std::vector<text_range>& out) {
  bool before_match = false;
  for (auto p = parts.rbegin(); p != parts.rend(); ++p) {
    if (p->match && !before_match && !out.empty()) {
      out.back().begin = p->range.begin;
    } else {
      out.push_back(p->range);
    }
    before_match = p->match;
  }
  std::reverse(out.begin(), out.end());
}

void join_runs(const std::vector<part>& parts, std::vector<text_range>& out) {
  bool after_match = false;
  for (const auto& p : parts) {
    if (p.match == after_match && !out.empty()) {
      out.back().end = p.range.end;
    } else {
      out.push_back(p.range);
    }
    after_match = p.match;
  }
}

}  // namespace

std::optional<split_behavior> split_behavior_named(std::string_view name) {
  if (name == "Removed") return split_behavior::removed;
  if (name == "Isolated") return split_behavior::isolated;
  if (name == "MergedWithPrevious") return split_behavior::merged_with_previous;
  if (name == "MergedWithNext") return split_behavior::merged_with_next;
  if (name == "Contiguous") return split_behavior::contiguous;
  return std::nullopt;
}

void split_at(std::span<const text_range> matches, size_t size, split_behavior behavior, bool invert,
              std::vector<text_range>& pieces) {
  auto parts = cut(matches, size, invert);
  std::vector<text_range> out;
  out.reserve(parts.size());
  switch (behavior) {
    case split_behavior::removed:
      for (const auto& p : parts) {
        if (!p.match) out.push_back(p.range);
      }
      break;
    case split_behavior::isolated:
      for (const auto& p : parts) out.push_back(p.range);
      break;
    case split_behavior::merged_with_previous: merge_with_previous(parts, out); break;
    case split_behavior::merged_with_next: merge_with_next(parts, out); break;
    case split_behavior::contiguous: join_runs(parts, out); break;
  }
  std::copy_if(out.begin(), out.end(), std::back_inserter(pieces), [](const text_range& r) { return !r.empty(); });
}

}  // namespace troupe
