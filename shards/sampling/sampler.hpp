// Chooses the next token. Pure: the same logits, parameters and position give the same token on every machine, in every
// process, whatever was sampled before. Failover rests on it, so each step below is fixed to the bit.
//
// 1. Logits are changed in this order: repetition penalty (tokens of prompt and output), frequency and presence penalty
//    (output alone), logit_bias, forbidden tokens to -inf. All in f32. The bias comes after the penalties so that -100
//    and +100 mean what their user expects. Temperature 0 then takes the largest; of equals, the lower id.
// 2. Candidates are ordered by (logit descending, id ascending). Candidate i weighs
//    w_i = round(2^43 * exp((l_i - l_max) / temperature)), an integer; exp is our own, in f64 without fused operations.
//    Sums of integers do not depend on their order, so a backend may add them up as it likes. What is below 2^-44 of
//    the most likely token is never drawn.
// 3. top_k keeps the first k; top_p keeps the fewest of these whose weights reach top_p of their sum; min_p cuts
//    before the first that weighs less than min_p of the most likely (transformers' order). The first always stays.
// 4. The draw: Philox4x32-10 with key (seed's low, high word) and counter (position, draw 0, stream, 0) gives the words
//    r0..r3; u = (r0 * 2^32 + r1) >> 11, 53 bits; the token is the first candidate at which the running sum of weights
//    exceeds (u * total) >> 53. One uniform a position, so a position never shifts another's. The sum runs in the order
//    of the candidates; where step 3 keeps all by its defaults, in that of the ids, for which nothing is sorted: the
//    time is the same whatever the distribution.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/ids.hpp"
#include "base/result.hpp"
#include "schemas/request.hpp"

namespace troupe {

/// Raised when any of this changes: what was drawn by another is not drawn again.
inline constexpr uint32_t sampler_version = 2;

/// The largest vocabulary that weights can be summed over in 64 bits.
inline constexpr size_t sampler_vocab_max = 1 << 20;

struct sampled {
  token_id id = 0;
  /// Natural logarithm of the model's own probability: softmax of the logits as they came, before penalties, bias and
  /// temperature, as OpenAI and vLLM (V1) report it. 0 unless params.top_logprobs >= 0.
  float logprob = 0;
  /// The most likely tokens by the same measure, best first; min(top_logprobs, vocabulary) of them, those of
  /// probability 0 left out. The chosen one need not be among them.
  std::vector<likely_token> top;
};

/// Draws the token at absolute position `position` (the count of tokens before it).
///   logits: (vocabulary), changed: they are the working memory.   prompt, generated: the sequence so far.
/// Errors: internal, when a logit is NaN or +inf, or none is above -inf (the model or its weights are broken);
/// invalid_argument, when an id is outside the vocabulary or the parameters make a logit NaN or forbid every token.
/// Any thread.
result<sampled> sample(std::span<float> logits, const sampling_params& params, std::span<const token_id> prompt,
                       std::span<const token_id> generated, uint32_t position,
                       std::span<const token_id> forbidden = {});

}  // namespace troupe
