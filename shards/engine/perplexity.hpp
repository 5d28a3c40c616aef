// How well a model predicts a text: the mean of -log p(token | those before it in its window), in nats, and its
// exponential, the perplexity (Jelinek et al. 1977).
#pragma once

#include <cmath>
#include <cstdint>
#include <functional>
#include <span>

#include "base/ids.hpp"
#include "base/result.hpp"

namespace troupe {

class text_reader;

struct text_likelihood {
  /// Those that were predicted.
  uint64_t tokens = 0;
  double nats_per_token = 0;
  double perplexity() const { return std::exp(nats_per_token); }
};

/// -log of what the softmax of the logits gives `target`, in f64.
double surprise(std::span<const float> logits, token_id target);

/// `progress` is called after each step with the tokens that are done. Errors: those of text_reader::read.
result<text_likelihood> likelihood_of(
    std::span<const token_id> tokens, text_reader& reader,
    const std::function<void(uint64_t done)>& progress = [](uint64_t) {});

}  // namespace troupe
