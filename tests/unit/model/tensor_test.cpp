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

/// The nearest of the format's values, by looking at both neighbours of the number's own bits cut off.
template <class Widen>
bool is_nearest(float value, uint16_t bits, Widen widen) {
  const double off = std::abs(double{widen(bits)} - value);
  for (const int step : {-1, 1}) {
    const auto other = static_cast<uint16_t>(bits + step);
    if (((other ^ bits) & 0x8000) != 0) continue;
    const double neighbour = std::abs(double{widen(other)} - value);
    if (neighbour < off || (neighbour == off && (bits & 1) != 0)) return false;
  }
  return true;
}

BOOST_AUTO_TEST_CASE(f32_is_rounded_to_the_nearest_even_f16_and_bf16) {
  for (uint32_t bits = 0; bits <= 0xFFFF; ++bits) {
    const auto half = static_cast<uint16_t>(bits);
    const float f16 = f16_to_f32(half), bf16 = bf16_to_f32(half);
    if (!std::isnan(f16)) BOOST_REQUIRE_EQUAL(f32_to_f16(f16), half);
    if (!std::isnan(bf16)) BOOST_REQUIRE_EQUAL(f32_to_bf16(bf16), half);
  }
  // Between the values, and exactly in their middle, over every exponent that either has.
  for (uint32_t exponent = 80; exponent < 142; ++exponent)
    for (uint32_t i = 0; i < 4096; ++i) {
      const uint32_t fraction = (i * 2654435761U) & 0x7FFFFF;
      for (const uint32_t bits : {fraction, fraction & 0x7FF000, (fraction & 0x7F0000) | 0x8000, fraction | 0x1FFF}) {
        const float value = std::bit_cast<float>((exponent << 23) | bits);
        BOOST_REQUIRE(is_nearest(value, f32_to_bf16(value), bf16_to_f32));
        BOOST_REQUIRE(is_nearest(-value, f32_to_bf16(-value), bf16_to_f32));
        if (value >= 65504) continue;
        BOOST_REQUIRE(is_nearest(value, f32_to_f16(value), f16_to_f32));
        BOOST_REQUIRE(is_nearest(-value, f32_to_f16(-value), f16_to_f32));
      }
    }
  BOOST_TEST(f32_to_f16(65519.0F) == 0x7BFF);
  BOOST_TEST(f32_to_f16(65520.0F) == 0x7C00);
  BOOST_TEST(f32_to_f16(-INFINITY) == 0xFC00);
  BOOST_TEST(std::isnan(f16_to_f32(f32_to_f16(std::nanf("")))));
  BOOST_TEST(std::isnan(bf16_to_f32(f32_to_bf16(std::bit_cast<float>(0x7F800001U)))));
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
