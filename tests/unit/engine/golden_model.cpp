#include "tests/unit/engine/golden_model.hpp"

#include <algorithm>
#include <bit>
#include <boost/json.hpp>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "base/json.hpp"
#include "shards/model/model_config.hpp"
#include "shards/model/safetensors.hpp"
#include "shards/model/weight_files.hpp"
#include "tests/support/test_data.hpp"
#include "tests/unit/engine/random_model.hpp"

namespace troupe::test {
namespace {

namespace json = boost::json;

constexpr uint64_t golden_ratio = 0x9e3779b97f4a7c15;

/// FNV-1a.
uint64_t hash_of(const std::string& name) {
  uint64_t hash = 0xcbf29ce484222325;
  for (const char c : name) hash = (hash ^ static_cast<uint8_t>(c)) * 0x100000001b3;
  return hash;
}

/// splitmix64's output (Steele et al. 2014), its first byte as a number from -128 to 127.
int drawn(uint64_t key, uint64_t index, uint64_t seed) {
  uint64_t z = key + golden_ratio * (index + 1 + (seed << 32));
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  z ^= z >> 31;
  return static_cast<int>(z >> 56) - 128;
}

/// As weight() in make_families.py.
std::vector<float> weights_of(const expected_tensor& tensor, const golden_family& family) {
  uint64_t count = 1;
  for (const uint64_t size : tensor.shape) count *= size;
  const uint64_t key = hash_of(tensor.name);
  const int power = (static_cast<int>(std::bit_width(tensor.shape.back())) - 1) / 2 - 1;
  std::vector<float> values(count);
  for (uint64_t i = 0; i < count; ++i) {
    const int k = drawn(key, i, family.seed);
    if (tensor.shape.size() > 1) {
      values[i] = std::ldexp(static_cast<float>(k), -7 - power);
    } else if (tensor.name.ends_with("norm.weight")) {
      values[i] = static_cast<float>(family.norms_around) + static_cast<float>(k >> 1) / 128;
    } else {
      values[i] = static_cast<float>(k) / 256;
    }
  }
  return values;
}

/// A weight has at most eight digits and is no smaller than 2^-12: bf16 and f16 hold it.
std::vector<std::byte> bytes_of(const std::vector<float>& values, dtype type) {
  std::vector<std::byte> bytes(values.size() * size_of(type));
  for (size_t i = 0; i < values.size(); ++i) {
    const auto bits = std::bit_cast<uint32_t>(values[i]);
    BOOST_REQUIRE((bits & 0xffff) == 0);
    const auto bf16 = static_cast<uint16_t>(bits >> 16);
    const uint16_t f16 = to_f16(values[i]);
    if (type == dtype::f32) std::memcpy(&bytes[i * 4], &bits, 4);
    if (type == dtype::bf16) std::memcpy(&bytes[i * 2], &bf16, 2);
    if (type == dtype::f16) std::memcpy(&bytes[i * 2], &f16, 2);
  }
  return bytes;
}

golden_case case_of(const json::value& value) {
  golden_case out;
  out.tokens = json::value_to<std::vector<token_id>>(value.at("tokens"));
  for (const auto& row : value.at("logits").as_object())
    out.logits.emplace(std::stoul(row.key()), json::value_to<std::vector<float>>(row.value()));
  return out;
}

golden_family read_golden_family(const std::filesystem::path& path) {
  const auto file = read_json_file(path.string());
  BOOST_REQUIRE_MESSAGE(file.has_value(), (file ? "" : file.err().detail));
  golden_family family{.name = path.stem().string(),
                       .seed = json::value_to<uint64_t>(file->at("seed")),
                       .norms_around = json::value_to<int>(file->at("norms_around")),
                       .context = json::value_to<uint32_t>(file->at("context")),
                       .config = file->at("config").as_object(),
                       .cases = {}};
  for (const json::value& value : file->at("cases").as_array()) family.cases.push_back(case_of(value));
  return family;
}

}  // namespace

std::vector<golden_family> golden_families() {
  std::vector<golden_family> families;
  for (const auto& entry : std::filesystem::directory_iterator(source_folder() + "/tests/golden/families")) {
    if (entry.path().extension() == ".json") families.push_back(read_golden_family(entry.path()));
  }
  std::ranges::sort(families, {}, &golden_family::name);
  BOOST_REQUIRE(!families.empty());
  return families;
}

void write_golden_model(const golden_family& family, dtype type, const std::string& folder) {
  std::ofstream(folder + "/config.json") << json::serialize(family.config);
  const auto config = read_model_config(folder);
  BOOST_REQUIRE_MESSAGE(config.has_value(), (config ? "" : config.err().detail));
  std::vector<tensor_view> tensors;
  std::vector<std::vector<std::byte>> memory;
  for (const expected_tensor& expected : expected_tensors(*config)) {
    memory.push_back(bytes_of(weights_of(expected, family), type));
    tensors.push_back({.name = expected.name, .type = type, .shape = expected.shape, .data = memory.back()});
  }
  const auto written = write_safetensors(folder + "/model.safetensors", tensors);
  BOOST_REQUIRE_MESSAGE(written.has_value(), (written ? "" : written.err().detail));
}

}  // namespace troupe::test
