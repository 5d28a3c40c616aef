#include "actors/outside/compute/step_sampling.hpp"

#include <algorithm>
#include <iterator>
#include <string>
#include <utility>

#include "shards/sampling/sampler.hpp"

namespace troupe {
namespace {

error refusal(const sampling_task& task, const std::string& what) {
  return {errc::invalid_argument,
          "a token is to be chosen for sequence " + std::to_string(task.sequence) + ", which has no " + what};
}

/// Where each sequence's rows of logits begin.
std::vector<uint32_t> first_rows(const step_plan& plan) {
  std::vector<uint32_t> first;
  uint32_t rows = 0;
  for (const sequence_step& sequence : plan.sequences) {
    first.push_back(rows);
    rows += sequence.wants_logits;
  }
  return first;
}

/// Draws the tokens of one task; `first_row` is its sequence's.
result<void> sample_task(const sampling_task& task, const sequence_step& sequence, const step_logits& logits,
                         uint32_t first_row, std::vector<sampled_token>& tokens) {
  const std::span<const token_id> ids(*task.ids);
  std::span<const token_id> generated = ids.subspan(task.prompt_tokens);
  std::vector<token_id> with_guesses;
  const size_t known = sequence.tokens.size() - (sequence.wants_logits - 1);
  for (uint32_t row = 0; row < sequence.wants_logits; ++row) {
    const auto position = static_cast<uint32_t>(sequence.first_position + known + row);
    auto drawn = sample(logits.row(first_row + row), *task.params, ids.first(task.prompt_tokens), generated, position);
    if (!drawn) return std::move(drawn).err();
    const token_id id = drawn->id;
    tokens.push_back({id, drawn->logprob, std::move(drawn->top)});
    const bool is_last = row + 1 == sequence.wants_logits;
    if (is_last || sequence.tokens[known + row] != id) break;
    // Penalties count the guess now, as they would have without guessing.
    if (has_penalties(*task.params)) {
      if (with_guesses.empty()) with_guesses.assign(generated.begin(), generated.end());
      with_guesses.push_back(id);
      generated = with_guesses;
    }
  }
  return {};
}

}  // namespace

result<void> check_sampling(const step_request& request) {
  const std::vector<sequence_step>& sequences = request.plan.sequences;
  std::vector<bool> taken(sequences.size());
  for (const sampling_task& task : request.sampling) {
    // Sampling changes its rows, so no two tasks may have the same.
    if (task.sequence >= sequences.size() || sequences[task.sequence].wants_logits == 0 || taken[task.sequence])
      return refusal(task, "logits of its own in this step");
    if (sequences[task.sequence].wants_logits > sequences[task.sequence].tokens.size())
      return refusal(task, "as many tokens as it wants logits of");
    if (!task.params || !task.ids || task.prompt_tokens > task.ids->size()) return refusal(task, "parameters");
    taken[task.sequence] = true;
  }
  return {};
}

result<std::vector<sampled_token>> sample_step(const step_request& request, const step_logits& logits,
                                               worker_pool& threads) {
  const std::vector<uint32_t> first = first_rows(request.plan);
  const size_t count = request.sampling.size();
  std::vector<std::vector<sampled_token>> drawn(count);
  std::vector<result<void>> done(count, result<void>());
  threads.run(count, [&](size_t begin, size_t end) {
    for (size_t i = begin; i < end; ++i) {
      const sampling_task& task = request.sampling[i];
      done[i] = sample_task(task, request.plan.sequences[task.sequence], logits, first[task.sequence], drawn[i]);
    }
  });
  std::vector<sampled_token> tokens;
  tokens.reserve(logits.rows);
  for (size_t i = 0; i < count; ++i) {
    if (!done[i]) {
      return with_context(std::move(done[i]).err(), "step " + std::to_string(request.plan.number) + ", sequence " +
                                                        std::to_string(request.sampling[i].sequence));
    }
    std::ranges::move(drawn[i], std::back_inserter(tokens));
  }
  return tokens;
}

}  // namespace troupe
