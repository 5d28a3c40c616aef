#include "simulations/workload/arrivals.hpp"

#include <algorithm>

#include "base/check.hpp"

namespace troupe::simulation {
namespace {

uint32_t scaled(uint64_t length, uint64_t of, uint32_t to) {
  return static_cast<uint32_t>(std::max<uint64_t>(1, length * to / std::max<uint64_t>(of, 1)));
}

}  // namespace

arrivals::arrivals(uint64_t seed, const arrival_habits& habits, request_size longest)
    : random_(seed, drawn_by::arrivals), habits_(habits), longest_(longest) {
  if (!habits_.trace) return;
  TROUPE_CHECK(!habits_.trace->empty());
  for (const trace_entry& each : *habits_.trace) {
    prompt_max_ = std::max(prompt_max_, each.prompt);
    tokens_max_ = std::max(tokens_max_, each.tokens);
  }
  at_ = random_.below(habits_.trace->size());
}

arrival arrivals::next() {
  if (habits_.trace) return next_of_trace();
  // Half as likely with every half-life more: like a Poisson process, without a logarithm that two machines could round
  // in two ways.
  constexpr double half_life = 0.69;
  const duration unit = duration_of_seconds(half_life / (habits_.per_second * (bursts_ ? habits_.burst : 1)));
  duration wait = random_.between(duration{}, unit);
  while (random_.chance(0.5)) wait += unit;
  left_ -= wait;
  if (left_ <= duration{}) {
    constexpr duration calm = std::chrono::seconds(20), burst = std::chrono::seconds(5);
    bursts_ = !bursts_;
    left_ = random_.between(duration{}, 2 * (bursts_ ? burst : calm));
  }
  return {wait, {}};
}

/// A second after the last comes the first again.
arrival arrivals::next_of_trace() {
  const request_trace& all = *habits_.trace;
  const duration before = all[at_].at;
  at_ = (at_ + 1) % all.size();
  const trace_entry& its = all[at_];
  return {at_ == 0 ? std::chrono::seconds(1) : its.at - before,
          {scaled(its.prompt, prompt_max_, longest_.prompt), scaled(its.tokens, tokens_max_, longest_.tokens)}};
}

}  // namespace troupe::simulation
