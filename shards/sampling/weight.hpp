// What a token weighs in the draw: step 2 of sampler.hpp.
#pragma once

#include <bit>
#include <cstdint>

#include "shards/sampling/portable_math.hpp"

namespace troupe {

/// round(2^43 e^((logit - max) / temperature)), for logit <= max and temperature > 0. Always inlined, for it is
/// compiled for several instruction sets: see logit_scans_loops.hpp.
[[gnu::always_inline]] inline uint64_t weight_of(float logit, double max, double temperature) {
  const double x = (double{logit} - max) / temperature;
  // Weights are 0 from there on, so no branch is needed.
  const double in_range = x >= -700.0 ? x : -700.0;
  const double wanted = detail::exp_in_range(in_range) * 0x1p43 + 0.5;
  // The whole part of a number below 2^52, without a conversion that only some instruction sets have.
  const double rounded = (wanted + 0x1p52) - 0x1p52;
  const double whole = rounded > wanted ? rounded - 1.0 : rounded;
  return std::bit_cast<uint64_t>(whole + 0x1p52) & 0x000F'FFFF'FFFF'FFFF;
}

}  // namespace troupe
