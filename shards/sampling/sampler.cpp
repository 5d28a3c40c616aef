#include "shards/sampling/sampler.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <string>
#include <utility>

#include "base/random.hpp"
#include "shards/sampling/logit_scans.hpp"
#include "shards/sampling/portable_math.hpp"
#include "shards/sampling/ranking.hpp"
#include "shards/sampling/weight.hpp"
#include "shards/sampling/weighted_order.hpp"

namespace troupe {
namespace {

__extension__ using uint128 = unsigned __int128;

constexpr float minus_infinity = -std::numeric_limits<float>::infinity();
constexpr double weight_of_one = 0x1p43;
static_assert(sampler_vocab_max == uint64_t{1} << 20, "sums of weights must stay below 2^64");

uint64_t sum_of_weights(std::span<const float> logits, double max, double temperature, uint64_t least = 0) {
  return best_logit_scans().sum_of_weights(logits.data(), logits.size(), max, temperature, least);
}

/// floor(fraction * whole) and its ceiling, for a fraction given in units of 2^-53: exact.
uint64_t floor_of(uint64_t fraction53, uint64_t whole) {
  return static_cast<uint64_t>((uint128{fraction53} * whole) >> 53);
}
uint64_t ceiling_of(uint64_t fraction53, uint64_t whole) {
  return static_cast<uint64_t>((uint128{fraction53} * whole + ((uint128{1} << 53) - 1)) >> 53);
}
/// A parameter in [0, 1] in the same units: exact from 2^-30 on, for a float has 24 significant bits.
uint64_t units53(float fraction) {
  if (!(fraction > 0.0F)) return 0;
  return static_cast<uint64_t>(double{std::min(fraction, 1.0F)} * 0x1p53);
}

/// The largest logit. Errors when one is NaN or +inf, or none is above -inf.
result<float> largest(std::span<const float> logits, errc blame, const char* what) {
  bool sound = true;
  const float max = best_logit_scans().largest(logits.data(), logits.size(), sound);
  for (size_t i = 0; i < logits.size() && !sound; ++i) {
    // Also true for NaN.
    if (!(logits[i] < std::numeric_limits<float>::infinity())) {
      return error{blame,
                   std::string(what) + " token " + std::to_string(i) + " the logit " + std::to_string(logits[i])};
    }
  }
  if (max == minus_infinity) return error{blame, std::string(what) + " every token the logit -inf"};
  return max;
}

error outside(std::string_view what, token_id id, size_t vocabulary) {
  return {errc::invalid_argument, std::string(what) + " holds token " + std::to_string(id) +
                                      ", but the vocabulary has " + std::to_string(vocabulary)};
}

result<void> penalise(std::span<float> logits, const sampling_params& params, std::span<const token_id> prompt,
                      std::span<const token_id> generated) {
  const bool repetition = params.repetition_penalty != 1.0F;
  if (!repetition && params.frequency_penalty == 0.0F && params.presence_penalty == 0.0F) return {};
  // Counted in one array of the vocabulary's size: prompts can be long, so nothing here may grow faster than they do.
  std::vector<uint32_t> count(logits.size());
  for (token_id id : generated) {
    if (id >= logits.size()) return outside("the output", id, logits.size());
    ++count[id];
  }
  std::vector<bool> seen(logits.size());
  if (repetition) {
    for (std::span<const token_id> ids : {prompt, generated}) {
      for (token_id id : ids) {
        if (id >= logits.size()) return outside("the prompt", id, logits.size());
        if (seen[id]) continue;
        seen[id] = true;
        float& logit = logits[id];
        logit = logit > 0 ? logit / params.repetition_penalty : logit * params.repetition_penalty;
      }
    }
  }
  for (token_id id : generated) {
    const auto times = static_cast<float>(std::exchange(count[id], 0));
    if (times == 0) continue;
    logits[id] -= times * params.frequency_penalty;
    logits[id] -= params.presence_penalty;
  }
  return {};
}

result<void> adjust(std::span<float> logits, const sampling_params& params, std::span<const token_id> prompt,
                    std::span<const token_id> generated, std::span<const token_id> forbidden) {
  TROUPE_TRY(penalise(logits, params, prompt, generated));
  for (const auto& [id, bias] : params.logit_bias) {
    if (id >= logits.size()) return outside("logit_bias", id, logits.size());
    logits[id] += bias;
  }
  for (token_id id : forbidden) {
    if (id >= logits.size()) return outside("the list of forbidden tokens", id, logits.size());
    logits[id] = minus_infinity;
  }
  return {};
}

/// Step 4 of the header: 53 uniform bits.
uint64_t uniform53(const sampling_params& params, uint32_t position) {
  auto words = philox4x32({position, 0, params.stream, 0},
                          {static_cast<uint32_t>(params.seed), static_cast<uint32_t>(params.seed >> 32)});
  return (uint64_t{words[0]} << 32 | words[1]) >> 11;
}

/// The draw among all, in the order of ids.
token_id draw_of_all(std::span<const float> logits, double max, double temperature, uint64_t uniform) {
  constexpr size_t block = 1024;
  std::array<uint64_t, sampler_vocab_max / block> sums{};
  const auto block_at = [&](size_t i) { return logits.subspan(i * block, std::min(block, logits.size() - i * block)); };
  uint64_t total = 0;
  for (size_t i = 0; i * block < logits.size(); ++i) total += sums[i] = sum_of_weights(block_at(i), max, temperature);
  uint64_t left = floor_of(uniform, total);
  size_t at = 0;
  // What is left is below the total, and then below the block's sum: neither loop passes its end.
  while (left >= sums[at]) left -= sums[at++];
  const std::span<const float> last = block_at(at);
  for (size_t i = 0;; ++i) {
    const uint64_t next = weight_of(last[i], max, temperature);
    if (left < next) return static_cast<token_id>(at * block + i);
    left -= next;
  }
}

/// Where the draw falls among those that top_p and min_p leave: the first ones in order, so what is left is a sum.
size_t draw_in_order(std::span<const float> logits, const sampling_params& params, float max, uint64_t uniform) {
  const weighted_order order(logits, max, params.temperature);
  uint64_t left = order.total();
  if (params.top_p < 1.0F) {
    const uint64_t enough = ceiling_of(units53(params.top_p), order.total());
    left = order.find(std::max<uint64_t>(enough, 1) - 1).sum;
  }
  if (params.min_p > 0.0F) {
    const uint64_t least = ceiling_of(units53(params.min_p), static_cast<uint64_t>(weight_of_one));
    left = std::min(left, sum_of_weights(logits, double{max}, double{params.temperature}, least));
  }
  return order.find(floor_of(uniform, left)).index;
}

token_id draw(std::span<const float> logits, const sampling_params& params, float max, uint32_t position) {
  const uint64_t uniform = uniform53(params, position);
  if (params.top_k == 0 && params.top_p >= 1.0F && params.min_p <= 0.0F)
    return draw_of_all(logits, double{max}, double{params.temperature}, uniform);
  if (params.top_k == 0 || params.top_k >= logits.size())
    return static_cast<token_id>(draw_in_order(logits, params, max, uniform));
  ranking order(logits);
  std::vector<token_id> ids;
  std::vector<float> first;
  for (size_t rank = 0; rank < std::min<size_t>(params.top_k, order.size()); ++rank) {
    ids.push_back(order.id(rank));
    first.push_back(logits[ids.back()]);
  }
  return ids[draw_in_order(first, params, max, uniform)];
}

/// What the model itself thinks, to be reported beside the token.
struct model_distribution {
  double max = 0;
  double log_total = 0;
  float logprob(float logit) const { return static_cast<float>(double{logit} - max - log_total); }
};

model_distribution distribution_of(std::span<const float> logits, float max) {
  auto total = static_cast<double>(sum_of_weights(logits, double{max}, 1.0));
  return {double{max}, log_of_positive(total / weight_of_one)};
}

}  // namespace

result<sampled> sample(std::span<float> logits, const sampling_params& params, std::span<const token_id> prompt,
                       std::span<const token_id> generated, uint32_t position, std::span<const token_id> forbidden) {
  if (logits.empty() || logits.size() > sampler_vocab_max) {
    return error{errc::invalid_argument, "the vocabulary has " + std::to_string(logits.size()) +
                                             " tokens, must be 1 to " + std::to_string(sampler_vocab_max)};
  }
  TROUPE_ASSIGN(float model_max, largest(logits, errc::internal, "the model gives"));

  sampled out;
  model_distribution distribution;
  std::vector<float> model_logits;
  if (params.top_logprobs >= 0) {
    distribution = distribution_of(logits, model_max);
    model_logits.assign(logits.begin(), logits.end());
    ranking order(logits);
    size_t count = std::min(static_cast<size_t>(params.top_logprobs), order.size());
    for (size_t rank = 0; rank < count; ++rank) {
      token_id id = order.id(rank);
      out.top.push_back({id, distribution.logprob(logits[id])});
    }
  }

  TROUPE_TRY(adjust(logits, params, prompt, generated, forbidden));
  TROUPE_ASSIGN(float max, largest(logits, errc::invalid_argument, "the sampling parameters give"));
  if (params.temperature > 0.0F) {
    out.id = draw(logits, params, max, position);
  } else {
    out.id = static_cast<token_id>(std::find(logits.begin(), logits.end(), max) - logits.begin());
  }
  if (params.top_logprobs >= 0) out.logprob = distribution.logprob(model_logits[out.id]);
  return out;
}

}  // namespace troupe
