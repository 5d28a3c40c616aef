#include "shards/engine/plan_check.hpp"

#include <string>

namespace troupe {
namespace {

error refusal(size_t sequence, const std::string& what) {
  return {errc::invalid_argument, "sequence " + std::to_string(sequence) + " of the plan " + what};
}

result<void> check_sequence(const sequence_step& sequence, size_t index, const plan_limits& limits) {
  if (sequence.tokens.empty()) return refusal(index, "has no tokens");
  if (sequence.wants_logits > sequence.tokens.size()) {
    return refusal(index, "wants the logits of " + std::to_string(sequence.wants_logits) + " of its " +
                              std::to_string(sequence.tokens.size()) + " tokens");
  }
  if (sequence.wants_hidden > sequence.tokens.size()) {
    return refusal(index, "wants the rows of " + std::to_string(sequence.wants_hidden) + " of its " +
                              std::to_string(sequence.tokens.size()) + " tokens");
  }
  const uint64_t end = uint64_t{sequence.first_position} + sequence.tokens.size();
  if (end > limits.context_max) {
    return refusal(index, "would have " + std::to_string(end) + " positions; the context has " +
                              std::to_string(limits.context_max));
  }
  for (token_id token : sequence.tokens) {
    if (token >= limits.vocab_size) {
      return refusal(
          index, "has token " + std::to_string(token) + "; the vocabulary has " + std::to_string(limits.vocab_size));
    }
  }
  const uint64_t pages = (end + kv_page_positions - 1) / kv_page_positions;
  if (sequence.pages.size() < pages) {
    return refusal(index, "has " + std::to_string(sequence.pages.size()) + " pages; " + std::to_string(end) +
                              " positions need " + std::to_string(pages));
  }
  if (sequence.pages.size() > limits.kv_pages) return refusal(index, "has more pages than there are");
  for (uint32_t page : sequence.pages) {
    if (page >= limits.kv_pages) {
      return refusal(index, "has page " + std::to_string(page) + "; there are " + std::to_string(limits.kv_pages));
    }
  }
  return {};
}

}  // namespace

result<void> plan_checker::check(const step_plan& plan) {
  if (plan.sequences.empty()) return error{errc::invalid_argument, "the plan has no sequences"};
  if (plan.sequences.size() > limits_.sequences_max) {
    return error{errc::invalid_argument, "the plan has " + std::to_string(plan.sequences.size()) +
                                             " sequences; a step takes " + std::to_string(limits_.sequences_max)};
  }
  uint64_t rows = 0;
  uint64_t logits = 0;
  for (size_t i = 0; i < plan.sequences.size(); ++i) {
    TROUPE_TRY(check_sequence(plan.sequences[i], i, limits_));
    rows += plan.sequences[i].tokens.size();
    logits += plan.sequences[i].wants_logits;
  }
  if (rows > limits_.rows_max) {
    return error{errc::invalid_argument,
                 "the plan has " + std::to_string(rows) + " tokens; a step takes " + std::to_string(limits_.rows_max)};
  }
  if (logits > limits_.logits_max) {
    return error{errc::invalid_argument, "the plan wants " + std::to_string(logits) + " rows of logits; a step gives " +
                                             std::to_string(limits_.logits_max)};
  }

  ++checks_;
  for (uint32_t i = 0; i < plan.sequences.size(); ++i) {
    const sequence_step& sequence = plan.sequences[i];
    const auto last = static_cast<uint32_t>(sequence.first_position + sequence.tokens.size() - 1);
    for (uint32_t p = sequence.first_position / kv_page_positions; p <= last / kv_page_positions; ++p) {
      mark& written = marks_[sequence.pages[p]];
      if (written.check == checks_)
        return refusal(i, "writes page " + std::to_string(sequence.pages[p]) + ", which is written elsewhere too");
      written = {checks_, i, p};
    }
  }
  for (uint32_t i = 0; i < plan.sequences.size(); ++i) {
    for (uint32_t p = 0; p < plan.sequences[i].pages.size(); ++p) {
      const mark& written = marks_[plan.sequences[i].pages[p]];
      if (written.check == checks_ && (written.sequence != i || written.index != p)) {
        return refusal(i, "has page " + std::to_string(plan.sequences[i].pages[p]) + ", which sequence " +
                              std::to_string(written.sequence) + " writes in this step");
      }
    }
  }
  return {};
}

}  // namespace troupe
