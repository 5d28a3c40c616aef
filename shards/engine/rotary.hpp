// The tables of rotary position embedding (Su et al. 2021), with Llama 3.1's change of the frequencies. Computed in f64
// with portable_math, so that ranks on different machines have the same tables, and rounded once.
#pragma once

#include <cstdint>
#include <vector>

namespace troupe {

struct model_config;

/// Radians per position of each of the head_dim / 2 pairs.
std::vector<double> rotary_frequencies(const model_config& config);

/// cosines, sines: (positions, head_dim / 2).
void fill_rotary_tables(const model_config& config, uint32_t positions, float* cosines, float* sines);

}  // namespace troupe
