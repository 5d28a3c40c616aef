#include "base/error.hpp"

#include <boost/test/unit_test.hpp>

#include "base/result.hpp"

namespace troupe {
namespace {

result<int> half(int n) {
  if (n % 2 != 0) return {errc::invalid_argument, "it is odd"};
  return n / 2;
}

result<int> quarter(int n) {
  TROUPE_ASSIGN(int h, half(n));
  return half(h);
}

BOOST_AUTO_TEST_CASE(a_result_is_a_value_or_an_error) {
  BOOST_TEST(*half(4) == 2);
  BOOST_TEST(!half(3));
  BOOST_TEST(half(3).err().detail == "it is odd");
}

BOOST_AUTO_TEST_CASE(assign_passes_an_error_on) {
  BOOST_TEST(*quarter(8) == 2);
  BOOST_TEST((quarter(6).err().code == errc::invalid_argument));
}

BOOST_AUTO_TEST_CASE(every_code_has_a_status_and_a_sentence) {
  for (uint8_t i = 0; i < errc_count; ++i) {
    auto code = static_cast<errc>(i);
    BOOST_TEST(http_status(code) >= 400);
    BOOST_TEST(http_status(code) < 600);
    BOOST_TEST(!sentence(code).empty());
    BOOST_TEST(!name(code).empty());
  }
}

BOOST_AUTO_TEST_CASE(context_goes_before_the_detail) {
  BOOST_TEST(with_context(error{errc::corrupt, "too short"}, "a.json").detail == "a.json: too short");
  BOOST_TEST(with_context(error{errc::overloaded, ""}, "g0").detail ==
             "g0: The server is at its limit; try again later.");
}

}  // namespace
}  // namespace troupe
