// The tables of rotary position embedding (Su et al. 2021), with the changes of frequencies for longer contexts.
// Computed in f64 with portable_math, so that ranks on different machines have the same tables, and rounded once.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "shards/engine/backend.hpp"

namespace troupe {

struct rope_config;

struct rotary_frequencies {
  /// Radians per position of each of the dims / 2 pairs.
  std::vector<double> radians;
  /// What sines and cosines are multiplied by.
  double amplitude = 1;
};

/// `positions` is the longest sequence that is served: LongRoPE has frequencies for contexts up to the original, and
/// others for longer ones.
rotary_frequencies frequencies_of(const rope_config& rope, uint32_t positions);

/// What frequencies_of() chose by the number of positions, as part of a fingerprint: "" where nothing depends on it.
std::string rotary_choice(const rope_config& rope, uint32_t positions);

/// cosines, sines: (positions, dims / 2).
class rotary_tables {
 public:
  /// Floats that make() allocates.
  static uint64_t floats(const rope_config& rope, uint32_t positions);
  /// Errors: out_of_memory.
  static result<rotary_tables> make(const rope_config& rope, uint32_t positions, backend& device);

  rotary_view view() const { return {cosines_.data, sines_.data, pairs_}; }

 private:
  float_buffer cosines_, sines_;
  uint32_t pairs_ = 0;
};

}  // namespace troupe
