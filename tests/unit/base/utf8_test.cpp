#include "base/utf8.hpp"

#include <boost/test/unit_test.hpp>

namespace troupe {
namespace {

BOOST_AUTO_TEST_CASE(accepts_what_unicode_defines) {
  BOOST_TEST(is_utf8(""));
  BOOST_TEST(is_utf8("a\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80"));
  BOOST_TEST(is_utf8("\xED\x9F\xBF"));      // U+D7FF
  BOOST_TEST(is_utf8("\xF4\x8F\xBF\xBF"));  // U+10FFFF
}

BOOST_AUTO_TEST_CASE(refuses_overlong_surrogates_and_beyond) {
  BOOST_TEST(!is_utf8("\xC0\xAF"));
  BOOST_TEST(!is_utf8("\xE0\x80\xAF"));
  BOOST_TEST(!is_utf8("\xED\xA0\x80"));
  BOOST_TEST(!is_utf8("\xF4\x90\x80\x80"));
  BOOST_TEST(!is_utf8("\x80"));
  BOOST_TEST(!is_utf8("\xE2\x82"));
}

BOOST_AUTO_TEST_CASE(knows_which_tail_could_still_become_a_character) {
  BOOST_TEST(utf8_incomplete_tail("ab") == 0u);
  BOOST_TEST(utf8_incomplete_tail("ab\xE2") == 1u);
  BOOST_TEST(utf8_incomplete_tail("ab\xE2\x82") == 2u);
  BOOST_TEST(utf8_incomplete_tail("ab\xE2\x82\xAC") == 0u);
  BOOST_TEST(utf8_incomplete_tail("\xF0\x9F\x98") == 3u);
  BOOST_TEST(utf8_incomplete_tail("\xE2\x28") == 0u);  // already wrong: nothing to wait for
  BOOST_TEST(utf8_incomplete_tail("\x80\x80\x80\x80") == 0u);
}

// The example of Unicode 15, table 3-8.
BOOST_AUTO_TEST_CASE(repairs_maximal_subparts) {
  std::string replaced = "\xEF\xBF\xBD";
  BOOST_TEST(utf8_repaired("\x61\xF1\x80\x80\xE1\x80\xC2\x62\x80\x63\x80\xBF\x64") ==
             "a" + replaced + replaced + replaced + "b" + replaced + "c" + replaced + replaced + "d");
}

BOOST_AUTO_TEST_CASE(decode_undoes_append) {
  for (char32_t c : {U'a', U'\u00e9', U'\u20ac', U'\U0001F600', U'\U0010FFFF'}) {
    std::string text;
    utf8_append(text, c);
    size_t at = 0;
    BOOST_TEST((utf8_decode(text, at) == c));
    BOOST_TEST(at == text.size());
  }
}

}  // namespace
}  // namespace troupe
