// How a model rotates queries and keys by their positions (Su et al. 2021), as config.json says it: the base of the
// frequencies, and how they are changed for contexts longer than those of the training. The engine makes tables of it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/result.hpp"

namespace troupe {

class config_fields;

// The names are those of transformers, modeling_rope_utils.py; the formulas are where they are computed, in the
// engine's rotary.cpp.

struct linear_rope_scaling {
  double factor = 1;
  friend bool operator==(const linear_rope_scaling&, const linear_rope_scaling&) = default;
};

/// Llama 3.1.
struct llama3_rope_scaling {
  double factor = 8;
  double low_freq_factor = 1;
  double high_freq_factor = 4;
  uint32_t original_context = 8192;
  friend bool operator==(const llama3_rope_scaling&, const llama3_rope_scaling&) = default;
};

/// Peng et al. 2023, "YaRN".
struct yarn_rope_scaling {
  double factor = 1;
  double beta_fast = 32;
  double beta_slow = 1;
  uint32_t original_context = 0;
  /// Of sines and cosines; if absent, made of the factor, and of the two below where both are given.
  std::optional<double> attention_factor;
  double mscale = 0, mscale_all_dim = 0;
  /// Whether the borders of the ramp are rounded to whole pairs.
  bool truncate = true;
  friend bool operator==(const yarn_rope_scaling&, const yarn_rope_scaling&) = default;
};

/// Phi-3 ("su") and others: a factor for each pair, one list for contexts up to the original, one for longer ones.
struct longrope_scaling {
  std::vector<double> short_factors, long_factors;
  uint32_t original_context = 0;
  /// By how much the context is longer; makes the factor of sines and cosines where that is absent.
  double factor = 1;
  std::optional<double> attention_factor;
  friend bool operator==(const longrope_scaling&, const longrope_scaling&) = default;
};

using rope_scaling =
    std::variant<std::monostate, linear_rope_scaling, llama3_rope_scaling, yarn_rope_scaling, longrope_scaling>;

struct rope_config {
  double theta = 10000;
  /// How many numbers of a head are rotated, its first ones; even.
  uint32_t dims = 0;
  rope_scaling scaling = {};
  /// (dims / 2), or empty: what each frequency is divided by. GGUF files have this in place of rope_scaling.
  std::vector<float> divisors = {};
  friend bool operator==(const rope_config&, const rope_config&) = default;
};

/// For people: "theta 500000, llama3 scaling by 32 from 8192".
std::string text_of(const rope_config& rope);

/// What surrounds rope_scaling or rope_parameters.
struct rope_surroundings {
  double theta = 10000;
  uint32_t head_dim = 0;
  uint32_t context_max = 0;
  /// original_max_position_embeddings where it stands beside rope_scaling, not in it.
  std::optional<uint32_t> original_context = {};
  /// Whether the family's reference implementation rotates a part of each head.
  bool partial = false;
  double partial_rotary_factor = 1;
};

/// Reads one of these objects; `fields` is nullptr where there is none. Errors name the key: corrupt, not_supported (a
/// type or a key whose meaning we do not compute).
result<rope_config> read_rope(const config_fields* fields, const rope_surroundings& around);

}  // namespace troupe
