#include "tests/conformance/batch/precisions.hpp"

#include <boost/test/unit_test.hpp>
#include <cstring>
#include <filesystem>

#include "shards/model/quantise_model.hpp"
#include "shards/model/safetensors.hpp"
#include "shards/model/weight_files.hpp"
#include "tests/support/test_data.hpp"

namespace troupe::test {
namespace {

std::string bundled() { return source_folder() + "/models/troupe-tiny"; }

/// The same values, as far as the type has them.
std::vector<std::byte> converted(const tensor_view& tensor, dtype type) {
  std::vector<float> values(tensor.elements());
  read_f32(tensor, 0, values);
  std::vector<std::byte> bytes(values.size() * size_of(type));
  for (size_t i = 0; i < values.size(); ++i) {
    const uint16_t half = f32_to_f16(values[i]);
    const void* from = type == dtype::f32 ? static_cast<const void*>(&values[i]) : &half;
    std::memcpy(&bytes[i * size_of(type)], from, size_of(type));
  }
  return bytes;
}

void convert_model(const std::string& to, dtype type) {
  std::filesystem::create_directories(to);
  std::filesystem::copy_file(bundled() + "/config.json", to + "/config.json");
  const auto files = weight_files::open(bundled());
  BOOST_REQUIRE(files.has_value());
  std::vector<std::vector<std::byte>> data;
  std::vector<tensor_view> tensors;
  for (const auto name : files->names()) {
    const tensor_view& from = *files->find(name);
    data.push_back(converted(from, type));
    tensors.push_back({.name = from.name, .type = type, .shape = from.shape, .data = data.back()});
  }
  BOOST_REQUIRE(write_safetensors(to + "/model.safetensors", tensors).has_value());
}

void quantise(const std::string& to, uint32_t bits, uint32_t group) {
  quantise_options options;
  options.bits = bits;
  options.group = group;
  const auto report = quantise_model(bundled(), to, options);
  BOOST_REQUIRE_MESSAGE(report.has_value(), (report ? "" : report.err().detail));
}

}  // namespace

std::vector<precision> precisions(const std::string& folder) {
  convert_model(folder + "/f32", dtype::f32);
  convert_model(folder + "/f16", dtype::f16);
  quantise(folder + "/int8", 8, 128);
  quantise(folder + "/int8-32", 8, 32);
  quantise(folder + "/int4", 4, 128);
  quantise(folder + "/int4-32", 4, 32);
  return {{"bf16", bundled()},
          {"bf16 with keys and values of bf16", bundled(), true},
          {"f32", folder + "/f32"},
          {"f16", folder + "/f16"},
          {"int8 by 128", folder + "/int8"},
          {"int8 by 32", folder + "/int8-32"},
          {"int4 by 128", folder + "/int4"},
          {"int4 by 32", folder + "/int4-32"}};
}

}  // namespace troupe::test
