// The tiny models of tests/golden/families: what their golden files say, and the weights, which both make_families.py
// and this file draw.
#pragma once

#include <boost/json/object.hpp>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/ids.hpp"
#include "shards/model/tensor.hpp"

namespace troupe::test {

struct golden_case {
  std::vector<token_id> tokens;
  /// The reference's logits after some positions of the whole sequence.
  std::map<uint32_t, std::vector<float>> logits;
};

struct golden_family {
  std::string name;
  uint64_t seed = 0;
  /// What weights of norms are around: 0 where they are stored less one.
  int norms_around = 1;
  /// The longest sequence that is to be served.
  uint32_t context = 0;
  boost::json::object config;
  std::vector<golden_case> cases;
};

/// All of them, sorted by name.
std::vector<golden_family> golden_families();

/// Writes config.json and model.safetensors; the weights are the same numbers in every type.
void write_golden_model(const golden_family& family, dtype type, const std::string& folder);

}  // namespace troupe::test
