#include "shards/model/quantised_blocks.hpp"

#include <bit>
#include <boost/test/unit_test.hpp>

#include "base/json.hpp"
#include "tests/support/ggml_quantise.hpp"
#include "tests/support/gguf_writer.hpp"
#include "tests/support/test_data.hpp"

namespace troupe {
namespace {

constexpr dtype block_types[] = {dtype::q8_0, dtype::q4_0, dtype::q4_k, dtype::q6_k};

std::string from_hex(std::string_view hex) {
  std::string out;
  for (size_t at = 0; at < hex.size(); at += 2)
    out += static_cast<char>(std::stoi(std::string(hex.substr(at, 2)), nullptr, 16));
  return out;
}

tensor_view view_of(dtype type, std::vector<uint64_t> shape, const std::string& bytes) {
  return {"t", type, std::move(shape), std::as_bytes(std::span(bytes))};
}

/// A rising and falling wave, so that neighbours, groups and blocks all differ.
std::vector<float> wave(size_t count) {
  std::vector<float> out;
  for (size_t i = 0; i < count; ++i)
    out.push_back(static_cast<float>(static_cast<int>(i * 37 % 101) - 50) * 0.01F * static_cast<float>(i / 64 + 1));
  return out;
}

// The file says how it was made: by ggml's own package for Python.
BOOST_AUTO_TEST_CASE(blocks_have_the_values_that_ggml_gives_them) {
  const auto golden = read_json_file(test::source_folder() + "/tests/unit/model/ggml_blocks.json");
  BOOST_REQUIRE_MESSAGE(golden.has_value(), (golden ? "" : golden.err().detail));
  for (const dtype type : block_types) {
    const auto& entry = golden->at(name(type));
    const std::string bytes = from_hex(entry.at("bytes").as_string()),
                      expected = from_hex(entry.at("values").as_string());
    const size_t count = 2 * block_elements(type);
    BOOST_REQUIRE(bytes.size() == 2 * block_bytes(type));
    BOOST_REQUIRE(expected.size() == 4 * count);
    std::vector<float> values(count);
    read_f32(view_of(type, {count}, bytes), 0, values);
    for (size_t i = 0; i < count; ++i) {
      uint32_t bits = 0;
      for (size_t b = 0; b < 4; ++b) bits = bits << 8 | static_cast<uint8_t>(expected[4 * i + b]);
      BOOST_TEST(std::bit_cast<uint32_t>(values[i]) == bits, name(type) << ", element " << i);
    }
  }
}

BOOST_AUTO_TEST_CASE(any_slice_of_blocks_has_the_values_of_the_whole) {
  for (const dtype type : block_types) {
    const std::string bytes = test::quantised(type, wave(1024));
    const tensor_view tensor = view_of(type, {2, 512}, bytes);
    BOOST_TEST(tensor.elements() == 1024U);
    BOOST_TEST(tensor.row(1).size() == bytes.size() / 2);
    std::vector<float> all(1024);
    read_f32(tensor, 0, all);
    for (const auto& [first, count] :
         {std::pair{0, 1}, {1, 31}, {31, 2}, {255, 300}, {512, 512}, {700, 5}, {1023, 1}}) {
      std::vector<float> part(static_cast<size_t>(count));
      read_f32(tensor, static_cast<uint64_t>(first), part);
      BOOST_TEST(std::equal(part.begin(), part.end(), all.begin() + first), name(type) << " from " << first);
    }
  }
}

BOOST_AUTO_TEST_CASE(quantised_values_are_near_what_they_were) {
  // Half a step of the coarsest scale: a check of the tests' own quantisers as much as of the reader.
  for (const auto& [type, relative] :
       {std::pair{dtype::q8_0, 0.005}, {dtype::q4_0, 0.08}, {dtype::q4_k, 0.08}, {dtype::q6_k, 0.04}}) {
    const std::vector<float> values = wave(256);
    const std::string bytes = test::quantised(type, values);
    std::vector<float> back(256);
    read_f32(view_of(type, {256}, bytes), 0, back);
    for (size_t i = 0; i < 256; ++i)
      BOOST_TEST(std::abs(back[i] - values[i]) <= relative * 2, name(type) << ", element " << i);
  }
}

BOOST_AUTO_TEST_CASE(a_scale_that_is_no_finite_number_is_refused_with_tensor_and_row) {
  for (const dtype type : block_types) {
    const std::string good = test::quantised(type, wave(1024));
    BOOST_TEST(check_scales(view_of(type, {2, 512}, good)).has_value());
    std::vector<size_t> places{type == dtype::q6_k ? q6_k_block::scale_at : 0};
    if (type == dtype::q4_k) places.push_back(q4_k_block::min_at);
    for (const size_t place : places) {
      for (const uint16_t bits : {uint16_t{0x7C00}, uint16_t{0xFC00}, uint16_t{0x7E01}}) {
        std::string bad = good;
        bad.replace(bad.size() - block_bytes(type) + place, 2, test::bytes_of(bits));
        const auto refused = check_scales(view_of(type, {2, 512}, bad));
        BOOST_REQUIRE(!refused.has_value());
        BOOST_TEST(refused.err().detail ==
                   "tensor \"t\" of " + std::string(name(type)) + " has a scale in row 1 that is no finite number");
        BOOST_TEST(check_scales(view_of(type, {2, 512}, bad), 0, 1).has_value());
      }
    }
  }
  const std::string nan = test::bytes_of(uint32_t{0x7FC00000});
  BOOST_TEST(check_scales(view_of(dtype::f32, {1}, nan)).has_value());
}

BOOST_AUTO_TEST_CASE(paired_rows_come_in_the_order_of_the_shape) {
  // Two heads of four rows of one element each: stored row i of a head is row i/2, or i/2 + 2 where i is odd.
  const std::vector<float> stored{0, 2, 1, 3, 10, 12, 11, 13};
  const std::string bytes = test::quantised(dtype::f32, stored);
  for (const std::vector<uint64_t>& shape : {std::vector<uint64_t>{8}, std::vector<uint64_t>{8, 1}}) {
    tensor_view tensor = view_of(dtype::f32, shape, bytes);
    tensor.paired_rows = 4;
    std::vector<float> out(8);
    read_f32(tensor, 0, out);
    BOOST_TEST(out == (std::vector<float>{0, 1, 2, 3, 10, 11, 12, 13}), boost::test_tools::per_element());
    read_f32(tensor, 5, std::span(out).first(2));
    BOOST_TEST(out[0] == 11.0F);
    BOOST_TEST(out[1] == 12.0F);
  }
  // Of rows with several blocks, a slice across two rows.
  const std::string blocks = test::quantised(dtype::q8_0, wave(256));
  tensor_view tensor = view_of(dtype::q8_0, {4, 64}, blocks);
  std::vector<float> as_stored(256), part(70);
  read_f32(tensor, 0, as_stored);
  tensor.paired_rows = 4;
  read_f32(tensor, 64 + 30, part);  // the end of row 1, stored third, and the start of row 2, stored second
  BOOST_TEST(std::equal(part.begin(), part.begin() + 34, as_stored.begin() + 128 + 30));
  BOOST_TEST(std::equal(part.begin() + 34, part.end(), as_stored.begin() + 64));
  BOOST_TEST(tensor.row(1).data() == tensor.data.data() + 2 * 68);
}

}  // namespace
}  // namespace troupe
