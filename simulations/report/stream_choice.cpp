#include "simulations/report/stream_choice.hpp"

#include <algorithm>

namespace troupe::simulation {
namespace {

/// Whether the text has that word, not as a part of a longer number.
bool says(std::string_view text, std::string_view word) {
  const auto is_digit = [&](size_t at) { return at < text.size() && text[at] >= '0' && text[at] <= '9'; };
  for (size_t at = text.find(word); at != std::string_view::npos && !word.empty(); at = text.find(word, at + 1))
    if ((at == 0 || !is_digit(at - 1)) && !is_digit(at + word.size())) return true;
  return false;
}

/// So many of them, at equal distances.
std::vector<size_t> thinned(const std::vector<size_t>& all, size_t count) {
  if (all.size() <= count) return all;
  std::vector<size_t> some;
  some.reserve(count);
  for (size_t i = 0; i < count; ++i) some.push_back(all[i * all.size() / count]);
  return some;
}

}  // namespace

bool is_notable(const run_summary& run, const request_summary& request) {
  return request.failed() || !request.ended || !request.moves().empty() ||
         std::ranges::any_of(run.violations, [&](const auto& each) { return says(each.what, request.name); });
}

std::vector<size_t> streams_to_draw(const run_summary& run, size_t streams_max) {
  std::vector<size_t> notable, others;
  for (size_t i = 0; i < run.requests.size(); ++i) (is_notable(run, run.requests[i]) ? notable : others).push_back(i);
  std::vector<size_t> drawn = thinned(notable, streams_max);
  for (const size_t each : thinned(others, streams_max - drawn.size())) drawn.push_back(each);
  std::ranges::sort(drawn);
  return drawn;
}

}  // namespace troupe::simulation
