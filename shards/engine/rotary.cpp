#include "shards/engine/rotary.hpp"

#include <algorithm>
#include <cmath>

#include "shards/engine/portable_math.hpp"
#include "shards/model/rope_config.hpp"

namespace troupe {
namespace {

constexpr double two_pi = 0x1.921fb54442d18p+2;

// The formulas are those of transformers, modeling_rope_utils.py; `radians` comes in unscaled.

void scale(const std::monostate&, const rope_config&, uint32_t, rotary_frequencies&) {}

void scale(const linear_rope_scaling& linear, const rope_config&, uint32_t, rotary_frequencies& out) {
  for (double& radians : out.radians) radians /= linear.factor;
}

/// _compute_llama3_parameters: long waves are slowed down by `factor`, short ones are kept, and between them the two
/// are mixed.
void scale(const llama3_rope_scaling& scaling, const rope_config&, uint32_t, rotary_frequencies& out) {
  const double long_wave = scaling.original_context / scaling.low_freq_factor;
  const double short_wave = scaling.original_context / scaling.high_freq_factor;
  for (double& radians : out.radians) {
    const double wavelength = two_pi / radians;
    const double smooth = (scaling.original_context / wavelength - scaling.low_freq_factor) /
                          (scaling.high_freq_factor - scaling.low_freq_factor);
    if (wavelength > long_wave) {
      radians /= scaling.factor;
    } else if (wavelength >= short_wave) {
      radians = (1 - smooth) * (radians / scaling.factor) + smooth * radians;
    }
  }
}

double yarn_amplitude(const yarn_rope_scaling& yarn) {
  if (yarn.attention_factor) return *yarn.attention_factor;
  const auto part = [&](double mscale) {
    return yarn.factor <= 1 ? 1.0 : 0.1 * mscale * portable_log(yarn.factor) + 1.0;
  };
  if (yarn.mscale != 0 && yarn.mscale_all_dim != 0) return part(yarn.mscale) / part(yarn.mscale_all_dim);
  return part(1);
}

/// _compute_yarn_parameters: the pairs that turn often within the original context are kept, those that turn seldom are
/// slowed down by `factor`, with a ramp between.
void scale(const yarn_rope_scaling& yarn, const rope_config& rope, uint32_t, rotary_frequencies& out) {
  // The pair, as a fraction of the list, that turns so often.
  const auto pair_of = [&](double turns) {
    return rope.dims * portable_log(yarn.original_context / (turns * two_pi)) / (2 * portable_log(rope.theta));
  };
  double low = pair_of(yarn.beta_fast);
  double high = pair_of(yarn.beta_slow);
  if (yarn.truncate) {
    low = std::floor(low);
    high = std::ceil(high);
  }
  low = std::max(low, 0.0);
  high = std::min(high, rope.dims - 1.0);
  if (low == high) high += 0.001;
  for (size_t i = 0; i < out.radians.size(); ++i) {
    const double slowed = std::clamp((static_cast<double>(i) - low) / (high - low), 0.0, 1.0);
    out.radians[i] = out.radians[i] / yarn.factor * slowed + out.radians[i] * (1 - slowed);
  }
  out.amplitude = yarn_amplitude(yarn);
}

/// _compute_longrope_parameters.
void scale(const longrope_scaling& longrope, const rope_config&, uint32_t positions, rotary_frequencies& out) {
  const bool is_long = positions > longrope.original_context;
  const std::vector<double>& factors = is_long ? longrope.long_factors : longrope.short_factors;
  for (size_t i = 0; i < out.radians.size(); ++i) out.radians[i] /= factors[i];
  if (longrope.attention_factor) {
    out.amplitude = *longrope.attention_factor;
  } else if (longrope.factor > 1) {
    out.amplitude = std::sqrt(1 + portable_log(longrope.factor) / portable_log(longrope.original_context));
  }
}

}  // namespace

rotary_frequencies frequencies_of(const rope_config& rope, uint32_t positions) {
  rotary_frequencies out;
  const double log_theta = portable_log(rope.theta);
  for (uint32_t i = 0; i < rope.dims; i += 2)
    out.radians.push_back(portable_exp(-static_cast<double>(i) / rope.dims * log_theta));
  std::visit([&](const auto& scaling) { scale(scaling, rope, positions, out); }, rope.scaling);
  for (size_t i = 0; i < rope.divisors.size(); ++i) out.radians[i] /= double{rope.divisors[i]};
  return out;
}

std::string rotary_choice(const rope_config& rope, uint32_t positions) {
  const auto* longrope = std::get_if<longrope_scaling>(&rope.scaling);
  if (longrope == nullptr) return "";
  return positions > longrope->original_context ? " longrope-long" : " longrope-short";
}

uint64_t rotary_tables::floats(const rope_config& rope, uint32_t positions) { return uint64_t{positions} * rope.dims; }

result<rotary_tables> rotary_tables::make(const rope_config& rope, uint32_t positions, backend& device) {
  rotary_tables tables;
  tables.pairs_ = rope.dims / 2;
  TROUPE_ASSIGN(tables.cosines_, device.allocate(size_t{positions} * tables.pairs_));
  TROUPE_ASSIGN(tables.sines_, device.allocate(size_t{positions} * tables.pairs_));
  const rotary_frequencies frequencies = frequencies_of(rope, positions);
  float* cosine = tables.cosines_.data;
  float* sine = tables.sines_.data;
  for (uint32_t p = 0; p < positions; ++p) {
    for (const double radians : frequencies.radians) {
      const sine_cosine value = portable_sine_cosine(p * radians);
      *cosine++ = static_cast<float>(value.cosine * frequencies.amplitude);
      *sine++ = static_cast<float>(value.sine * frequencies.amplitude);
    }
  }
  return tables;
}

}  // namespace troupe
