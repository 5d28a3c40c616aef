// A model folder with smaller weights, made from another.
//
// In its model.safetensors a quantised matrix "X" is a tensor "X#Q8_128" of U8: (rows, bytes of a row), a row being its
// blocks one after the other (quantised_blocks.hpp). config.json says {"quantization_config": {"quant_method":
// "troupe", "version": 1, "bits": 8}}. Everything else is as it was.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "base/result.hpp"
#include "shards/model/remake_model.hpp"

namespace troupe {

/// What quantization_config.version must be.
inline constexpr int64_t quantised_version = 1;

struct quantise_options {
  /// 8 or 4.
  uint32_t bits = 8;
  /// 32 or 128; a matrix whose columns are no multiple of 128 gets 32, and one of no multiple of 32 stays as it is.
  uint32_t group = 128;
  /// 8 or 4: of lm_head, and of the embedding. What they lose is lost in every logit.
  uint32_t head_bits = 8;
  /// The bytes are the same with any number of them.
  uint32_t threads = 1;
  /// Called before each tensor, with how many there are.
  std::function<void(size_t done, size_t all)> progress = [](size_t, size_t) {};
};

/// Errors: invalid_argument (the options), corrupt (a weight is no finite number), and those of remake_model; each
/// names the file or tensor.
result<remake_report> quantise_model(const std::string& from, const std::string& to, const quantise_options& options);

}  // namespace troupe
