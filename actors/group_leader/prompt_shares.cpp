#include "actors/group_leader/prompt_shares.hpp"

#include <algorithm>
#include <vector>

namespace troupe {
namespace {

// How much of at most `most` further ids ends at a cut, or at the prompt's end.
uint32_t whole_blocks(const prompt_share& prompt, uint32_t most) {
  uint32_t left = prompt.left - prompt.tokens;
  if (left <= most) return left;
  uint32_t begin = prompt.computed + prompt.tokens;
  uint32_t end = (begin + most) / prompt_cut_positions * prompt_cut_positions;
  return end > begin ? end - begin : 0;
}

}  // namespace

void share_budget(uint32_t budget, std::span<prompt_share> prompts) {
  if (prompts.empty()) return;
  auto give = [&budget](prompt_share& prompt, uint32_t tokens) {
    prompt.tokens += tokens;
    budget -= tokens;
  };
  auto& first = prompts.front();
  uint32_t half = std::min(budget, std::max(budget / 2, prompt_cut_positions));
  uint32_t tokens = whole_blocks(first, half);
  give(first, tokens > 0 ? tokens : std::min(half, first.left));

  std::vector<prompt_share*> others;
  for (auto& prompt : prompts.subspan(1)) others.push_back(&prompt);
  std::stable_sort(others.begin(), others.end(), [](const prompt_share* a, const prompt_share* b) {
    return a->priority != b->priority ? a->priority < b->priority : a->left < b->left;
  });
  for (auto* prompt : others) give(*prompt, whole_blocks(*prompt, budget));
  give(first, whole_blocks(first, budget));
}

}  // namespace troupe
