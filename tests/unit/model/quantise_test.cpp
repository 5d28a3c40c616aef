#include "shards/model/quantise.hpp"

#include <boost/json/serialize.hpp>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <fstream>

#include "base/json.hpp"
#include "shards/model/quantise_model.hpp"
#include "shards/model/quantised_blocks.hpp"
#include "shards/model/safetensors.hpp"
#include "shards/model/weight_files.hpp"
#include "tests/unit/model/small_model.hpp"

namespace troupe {
namespace {

namespace json = boost::json;

/// Between -1 and 1, another at each index.
float noise(uint64_t i) {
  i = (i + 1) * 0x9E3779B97F4A7C15U;
  i ^= i >> 29;
  i *= 0xBF58476D1CE4E5B9U;
  return static_cast<float>(static_cast<int64_t>(i)) * 0x1p-63F;
}

std::vector<float> noises(size_t count, float width) {
  std::vector<float> values(count);
  for (size_t i = 0; i < count; ++i) values[i] = width * noise(i);
  return values;
}

/// What a block gives back, and its scale.
struct restored {
  std::vector<float> values;
  float scale = 0;
};

restored through(dtype type, std::span<const float> values) {
  std::vector<std::byte> block(block_bytes(type));
  if (type == dtype::q8_0 || type == dtype::q8_128) {
    quantise_int8(values, block.data());
  } else {
    quantise_int4(values, {}, block.data());
  }
  restored out{std::vector<float>(values.size()), 0};
  dequantise_block(type, block.data(), out.values.data());
  out.scale = std::abs(f16_to_f32(
      static_cast<uint16_t>(std::to_integer<uint32_t>(block[0]) | std::to_integer<uint32_t>(block[1]) << 8)));
  return out;
}

BOOST_AUTO_TEST_CASE(int8_is_off_by_half_a_step_at_most) {
  for (const dtype type : {dtype::q8_0, dtype::q8_128})
    for (const float width : {1.0F, 1e-3F, 300.0F}) {
      const std::vector<float> values = noises(block_elements(type), width);
      const restored got = through(type, values);
      BOOST_TEST(got.scale > 0.9F * width / 127 * 0.9F);
      for (size_t i = 0; i < values.size(); ++i) BOOST_TEST(std::abs(got.values[i] - values[i]) <= 0.5001F * got.scale);
    }
}

BOOST_AUTO_TEST_CASE(int4_is_no_worse_than_the_scale_of_the_largest_value) {
  for (const dtype type : {dtype::q4_0, dtype::q4_128}) {
    for (uint64_t seed = 0; seed < 20; ++seed) {
      std::vector<float> values(block_elements(type));
      for (size_t i = 0; i < values.size(); ++i) values[i] = noise(seed * 1000 + i);
      values[3] *= static_cast<float>(1 + seed % 4);  // An outlier, now and then.
      double plain = 0, got = 0;
      float largest = 0;
      for (const float value : values)
        if (std::abs(value) > std::abs(largest)) largest = value;
      const float scale = f16_to_f32(f32_to_f16(largest / -8));
      const restored back = through(type, values);
      for (size_t i = 0; i < values.size(); ++i) {
        const double coarse = scale * std::clamp(std::nearbyint(values[i] / scale), -8.0F, 7.0F);
        plain += std::pow(coarse - values[i], 2);
        got += std::pow(back.values[i] - values[i], 2);
      }
      BOOST_TEST(got <= plain * 1.0000001);
      BOOST_TEST(got > 0);
    }
  }
}

BOOST_AUTO_TEST_CASE(importance_decides_what_is_kept) {
  std::vector<float> values(32, 0.1F), importance(32, 1e-6F);
  values[0] = 1;
  for (size_t i = 1; i < 32; ++i) importance[i] = 1;
  std::vector<std::byte> block(q4_0_block::bytes);
  std::vector<float> with(32), without(32);
  quantise_int4(values, importance, block.data());
  dequantise_block(dtype::q4_0, block.data(), with.data());
  quantise_int4(values, {}, block.data());
  dequantise_block(dtype::q4_0, block.data(), without.data());
  BOOST_TEST(std::abs(with[1] - 0.1F) <= std::abs(without[1] - 0.1F));
}

BOOST_AUTO_TEST_CASE(zeros_and_what_is_too_large_or_small_stay_numbers) {
  for (const dtype type : {dtype::q8_0, dtype::q8_128, dtype::q4_0, dtype::q4_128})
    for (const float width : {0.0F, 1e-30F, 1e30F}) {
      const restored got = through(type, noises(block_elements(type), width));
      for (const float value : got.values) BOOST_TEST(std::isfinite(value));
    }
}

/// A model some of whose matrices have columns for groups of 128, some for groups of 32, and some for none.
json::object mixed_config() {
  json::object config = test::small_config();
  config["hidden_size"] = 128;
  config["intermediate_size"] = 160;
  config["head_dim"] = 6;
  return config;
}

void write_model(const test::temporary_folder& folder) {
  const auto tensors = test::small_tensors(*parse_model_config(mixed_config()));
  write_safetensors(folder / "model.safetensors", tensors.views).value();
  std::ofstream(folder / "config.json") << json::serialize(mixed_config());
  std::ofstream(folder / "tokenizer.json") << "{}";
}

BOOST_AUTO_TEST_CASE(a_quantised_folder_is_read_as_what_it_was_made_from) {
  const test::temporary_folder folder;
  write_model(folder);
  const weight_files before = std::move(weight_files::open(folder.path()).value());
  for (const uint32_t bits : {8U, 4U}) {
    const std::string out = folder / ("int" + std::to_string(bits));
    size_t calls = 0;
    const auto report = quantise_model(
        folder.path(), out, {.bits = bits, .group = 128, .head_bits = 8, .progress = [&](size_t, size_t) { ++calls; }});
    BOOST_REQUIRE_MESSAGE(report.has_value(), (report ? "" : report.err().detail));
    BOOST_TEST(report->changed > 0U);
    BOOST_TEST(report->bytes_after < report->bytes_before);
    BOOST_TEST(calls == before.names().size() + 1);
    BOOST_TEST(std::ifstream(out + "/tokenizer.json").good());

    const auto config = read_model_config(out);
    BOOST_REQUIRE_MESSAGE(config.has_value(), (config ? "" : config.err().detail));
    const weight_files after = std::move(weight_files::open(out).value());
    BOOST_TEST(check_weights(*config, after).has_value());
    const dtype wide = bits == 8 ? dtype::q8_128 : dtype::q4_128;
    BOOST_TEST((after.find("model.layers.0.mlp.up_proj.weight")->type == wide));
    BOOST_TEST((after.find("model.embed_tokens.weight")->type == dtype::q8_128));
    BOOST_TEST((after.find("model.layers.0.mlp.down_proj.weight")->type == (bits == 8 ? dtype::q8_0 : dtype::q4_0)));
    BOOST_TEST((after.find("model.layers.0.self_attn.o_proj.weight")->type == dtype::f32));
    BOOST_TEST((after.find("model.norm.weight")->type == dtype::f32));
    for (const std::string_view name : before.names()) {
      const tensor_view& old_tensor = *before.find(name);
      const tensor_view& new_tensor = *after.find(name);
      BOOST_REQUIRE(old_tensor.shape == new_tensor.shape);
      std::vector<float> a(old_tensor.elements()), b(old_tensor.elements());
      read_f32(old_tensor, 0, a);
      read_f32(new_tensor, 0, b);
      float largest = 0, off = 0;
      for (size_t i = 0; i < a.size(); ++i) {
        largest = std::max(largest, std::abs(a[i]));
        off = std::max(off, std::abs(a[i] - b[i]));
      }
      BOOST_TEST(off <= largest * (has_blocks(new_tensor.type) ? (bits == 8 ? 0.005F : 0.16F) : 0.0F), name);
    }
  }
}

BOOST_AUTO_TEST_CASE(the_bytes_are_the_same_with_any_number_of_threads) {
  const test::temporary_folder folder;
  write_model(folder);
  for (const uint32_t bits : {8U, 4U}) {
    const auto made = [&](uint32_t threads) {
      const std::string out = "int" + std::to_string(bits) + "-" + std::to_string(threads);
      quantise_model(folder.path(), folder / out, {.bits = bits, .threads = threads}).value();
      return folder.read(out + "/model.safetensors");
    };
    const std::string alone = made(1);
    for (const uint32_t threads : {2U, 3U, 200U}) BOOST_TEST((made(threads) == alone));
  }
}

BOOST_AUTO_TEST_CASE(what_cannot_be_quantised_is_refused_by_name) {
  const test::temporary_folder folder;
  write_model(folder);
  const auto refusal = [&](const std::string& from, const std::string& to, const quantise_options& options) {
    const auto report = quantise_model(from, to, options);
    return report ? std::string("done") : report.err().detail;
  };
  BOOST_TEST(refusal(folder.path(), folder / "a", {.bits = 3}).find("8 or 4 bits") != std::string::npos);
  BOOST_TEST(refusal(folder.path(), folder / "a", {.group = 64}).find("64") != std::string::npos);
  BOOST_TEST(refusal(folder.path(), folder / "int8", {}) == "done");
  BOOST_TEST(refusal(folder.path(), folder / "int8", {}).find("exists already") != std::string::npos);
  BOOST_TEST(refusal(folder / "int8", folder / "again", {}).find("quantised already") != std::string::npos);

  const auto with = [&](std::string_view member, const json::value& value) {
    json::object config = mixed_config();
    json::object quantisation{{"quant_method", "troupe"}, {"version", quantised_version}};
    quantisation[member] = value;
    config["quantization_config"] = quantisation;
    const auto parsed = parse_model_config(config);
    return parsed ? std::string("read") : parsed.err().detail;
  };
  BOOST_TEST(with("bits", 8) == "read");
  BOOST_TEST(with("version", 2).find("version is 2") != std::string::npos);
  BOOST_TEST(with("quant_method", "gptq").find("quant_method is \"gptq\"") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(names_of_quantised_tensors_are_checked) {
  const std::vector<std::byte> bytes(2 * 2 * q8_128_block::bytes);
  const auto read = [&](std::string name, dtype type, std::vector<uint64_t> shape) {
    tensor_view tensor{std::move(name), type, std::move(shape), bytes};
    const auto done = read_quantised_name(tensor);
    return done ? tensor.name + " " + shape_text(tensor.shape) : done.err().detail;
  };
  BOOST_TEST(read("w#Q8_128", dtype::u8, {2, 2 * q8_128_block::bytes}) == "w [2, 256]");
  BOOST_TEST(read("w", dtype::u8, {2, 260}) == "w [2, 260]");
  BOOST_TEST(read("w#Q8_128", dtype::i8, {2, 260}).find("no matrix of U8") != std::string::npos);
  BOOST_TEST(read("w#Q8_128", dtype::u8, {520}).find("no matrix of U8") != std::string::npos);
  BOOST_TEST(read("w#Q8_128", dtype::u8, {4, 129}).find("no whole blocks") != std::string::npos);
  BOOST_TEST(read("w#Q5_1", dtype::u8, {2, 260}).find("does not know") != std::string::npos);
  BOOST_TEST(read("w#Q4_K", dtype::u8, {2, 260}).find("does not know") != std::string::npos);
}

}  // namespace
}  // namespace troupe
