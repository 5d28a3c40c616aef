#include "shards/engine/rotary.hpp"

#include "shards/engine/portable_math.hpp"
#include "shards/model/model_config.hpp"

namespace troupe {
namespace {

constexpr double two_pi = 0x1.921fb54442d18p+2;

/// transformers, modeling_rope_utils.py, _compute_llama3_parameters: long waves are slowed down by `factor`, short ones
/// are kept, and between them the two are mixed.
double scale_llama3(double frequency, const llama3_rope_scaling& scaling) {
  const double wavelength = two_pi / frequency;
  const double long_wave = scaling.original_context / scaling.low_freq_factor;
  const double short_wave = scaling.original_context / scaling.high_freq_factor;
  if (wavelength > long_wave) return frequency / scaling.factor;
  if (wavelength < short_wave) return frequency;
  const double smooth = (scaling.original_context / wavelength - scaling.low_freq_factor) /
                        (scaling.high_freq_factor - scaling.low_freq_factor);
  return (1 - smooth) * (frequency / scaling.factor) + smooth * frequency;
}

}  // namespace

std::vector<double> rotary_frequencies(const model_config& config) {
  std::vector<double> frequencies(config.head_dim / 2);
  const double log_theta = portable_log(config.rope_theta);
  for (size_t i = 0; i < frequencies.size(); ++i) {
    const double part = static_cast<double>(2 * i) / config.head_dim;
    frequencies[i] = portable_exp(-part * log_theta);
    if (config.rope_scaling) frequencies[i] = scale_llama3(frequencies[i], *config.rope_scaling);
    if (!config.rope_divisors.empty()) frequencies[i] /= double{config.rope_divisors[i]};
  }
  return frequencies;
}

void fill_rotary_tables(const model_config& config, uint32_t positions, float* cosines, float* sines) {
  const std::vector<double> frequencies = rotary_frequencies(config);
  for (uint32_t p = 0; p < positions; ++p) {
    for (double frequency : frequencies) {
      const sine_cosine value = portable_sine_cosine(p * frequency);
      *cosines++ = static_cast<float>(value.cosine);
      *sines++ = static_cast<float>(value.sine);
    }
  }
}

}  // namespace troupe
