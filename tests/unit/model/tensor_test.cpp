#include "shards/model/tensor.hpp"

#include <bit>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstring>

namespace troupe {
namespace {

bool same_bits(float a, float b) { return std::bit_cast<uint32_t>(a) == std::bit_cast<uint32_t>(b); }

/// A small float format from its definition: sign, exponent, fraction.
double value_of(uint32_t bits, int exponent_bits, int fraction_bits) {
  const int bias = (1 << (exponent_bits - 1)) - 1;
  const int exponent = static_cast<int>(bits >> fraction_bits) & ((1 << exponent_bits) - 1);
  const double fraction = std::ldexp(bits & ((1U << fraction_bits) - 1), -fraction_bits);
  const double sign = (bits >> (exponent_bits + fraction_bits)) != 0 ? -1 : 1;
  if (exponent == 0) return sign * std::ldexp(fraction, 1 - bias);
  if (exponent == (1 << exponent_bits) - 1) return fraction == 0 ? sign * INFINITY : NAN;
  return sign * std::ldexp(1 + fraction, exponent - bias);
}

BOOST_AUTO_TEST_CASE(every_f16_and_bf16_is_converted_exactly) {
  for (uint32_t bits = 0; bits <= 0xFFFF; ++bits) {
    auto f16 = value_of(bits, 5, 10), bf16 = value_of(bits, 8, 7);
    float got_f16 = f16_to_f32(static_cast<uint16_t>(bits)), got_bf16 = bf16_to_f32(static_cast<uint16_t>(bits));
    BOOST_REQUIRE(std::isnan(f16) ? std::isnan(got_f16) : same_bits(got_f16, static_cast<float>(f16)));
    BOOST_REQUIRE(std::isnan(bf16) ? std::isnan(got_bf16) : same_bits(got_bf16, static_cast<float>(bf16)));
  }
}

BOOST_AUTO_TEST_CASE(dtypes_have_the_names_and_sizes_of_the_format) {
  for (auto [text, size] :
       {std::pair{"BOOL", 1U}, {"F8_E4M3", 1U}, {"BF16", 2U}, {"F16", 2U}, {"F32", 4U}, {"I64", 8U}}) {
    auto type = parse_dtype(text);
    BOOST_REQUIRE(type.has_value());
    BOOST_TEST(name(*type) == text);
    BOOST_TEST(size_of(*type) == size);
  }
  BOOST_TEST(!parse_dtype("bf16").has_value());
  BOOST_TEST(!parse_dtype("").has_value());
}

BOOST_AUTO_TEST_CASE(slices_are_read_wherever_they_lie) {
  // One byte in front, so that nothing is aligned.
  std::vector<std::byte> bytes(1 + 4 * 3);
  const float values[] = {1.5F, -2.0F, 1e-40F};
  std::memcpy(bytes.data() + 1, values, sizeof values);
  tensor_view tensor{"t", dtype::f32, {3}, std::span<const std::byte>(bytes).subspan(1)};
  std::vector<float> out(2);
  read_f32(tensor, 1, out);
  BOOST_TEST(out[0] == -2.0F);
  BOOST_TEST(out[1] == 1e-40F);

  const uint16_t halves[] = {0x3FC0, 0xC000, 0x3E00};
  std::memcpy(bytes.data() + 1, halves, sizeof halves);
  tensor_view bf16{"t", dtype::bf16, {3}, std::span<const std::byte>(bytes).subspan(1, 6)};
  read_f32(bf16, 0, out);
  BOOST_TEST(out[0] == 1.5F);
  BOOST_TEST(out[1] == -2.0F);
  tensor_view f16{"t", dtype::f16, {3}, bf16.data};
  read_f32(f16, 2, std::span(out).first(1));
  BOOST_TEST(out[0] == 1.5F);
  read_f32(f16, 3, std::span<float>());
}

}  // namespace
}  // namespace troupe
