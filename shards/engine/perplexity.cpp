#include "shards/engine/perplexity.hpp"

#include <algorithm>

#include "shards/engine/text_reader.hpp"

namespace troupe {

double surprise(std::span<const float> logits, token_id target) {
  const double largest = *std::ranges::max_element(logits);
  double sum = 0;
  for (const float logit : logits) sum += std::exp(logit - largest);
  return std::log(sum) - (logits[target] - largest);
}

result<text_likelihood> likelihood_of(std::span<const token_id> tokens, text_reader& reader,
                                      const std::function<void(uint64_t done)>& progress) {
  text_likelihood text;
  double sum = 0;
  TROUPE_TRY(reader.read(tokens, [&](const text_step& step) {
    for (uint32_t row = 0; row < step.logits.rows; ++row) sum += surprise(step.logits.row(row), step.targets[row]);
    text.tokens += step.logits.rows;
    progress(text.tokens);
  }));
  text.nats_per_token = sum / static_cast<double>(text.tokens);
  return text;
}

}  // namespace troupe
