// A model folder small enough to write down, and to damage.
#pragma once

#include <boost/json/object.hpp>
#include <string>
#include <vector>

#include "shards/model/model_config.hpp"
#include "shards/model/tensor.hpp"
#include "tests/support/temporary_folder.hpp"

namespace troupe::test {

/// config.json of a two-layer Llama: hidden 16, 4 heads of 4, 2 for keys and values, intermediate 24, vocabulary 32.
boost::json::object small_config();

/// Tensors with their own bytes.
struct owned_tensors {
  std::vector<tensor_view> views;
  std::vector<std::vector<std::byte>> bytes;
};
/// All that `config` needs, in f32, each element another value.
owned_tensors small_tensors(const model_config& config);

/// Writes config.json and model.safetensors.
void write_small_model(const temporary_folder& folder);

/// A safetensors file from the text of its header.
std::string safetensors_bytes(std::string_view header, std::string_view data);

}  // namespace troupe::test
