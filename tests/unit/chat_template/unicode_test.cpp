// Letter case as Python's str has it; the expected values are Python 3.11's.
#include "shards/chat_template/jinja/unicode.hpp"

#include <boost/test/unit_test.hpp>

#include "shards/chat_template/jinja/text.hpp"

using namespace troupe::jinja;

BOOST_AUTO_TEST_SUITE(unicode)

BOOST_AUTO_TEST_CASE(changes_the_case_of_whole_strings) {
  BOOST_TEST(upper("straße ŉ ǆ ﬁ ա") == "STRASSE ʼN Ǆ FI Ա");
  BOOST_TEST(lower("ÀÉ İ ΑΣ ΑΣ. Σ ΣΑ Ⴀ 𐐀") == "àé i̇ ας ας. σ σα ⴀ 𐐨");
  BOOST_TEST(title("ǆ they're ßa 1a") == "ǅ They'Re Ssa 1A");
  BOOST_TEST(capitalize("ÉA ß") == "Éa ß");
  BOOST_TEST(swap_case("aBß") == "AbSS");
  BOOST_TEST(case_fold("Straße ſ") == "strasse s");
}

BOOST_AUTO_TEST_CASE(knows_the_kinds_of_characters) {
  BOOST_TEST((is_alphabetic(U'é') && is_alphabetic(U'日') && !is_alphabetic(U'1') && !is_alphabetic(U'_')));
  BOOST_TEST(
      (is_decimal_digit(U'٣') && !is_decimal_digit(U'²') && is_digit(U'²') && !is_digit(U'½') && is_numeric(U'½')));
  BOOST_TEST((is_lowercase(U'ª') && is_uppercase(U'Ⅷ') && is_titlecase(U'ǅ') && !is_uppercase(U'ǅ')));
  BOOST_TEST((is_printable(U' ') && !is_printable(0x200B) && !is_printable(0xA0) && !is_printable(0xE000) &&
              is_printable(U'🌍')));
  BOOST_TEST((is_space(0x1C) && is_space(0x3000) && !is_space(0x200B) && is_line_end(0x85) && is_line_end(0x2028) &&
              !is_line_end(0x1F)));
}

BOOST_AUTO_TEST_CASE(counts_characters) {
  BOOST_TEST(count_characters("a日🌍") == 3u);
  BOOST_TEST(byte_of_character("a日🌍b", 2) == 4u);
  BOOST_TEST(byte_of_character("a日", 9) == 4u);
  BOOST_TEST(previous_character("a日", 4) == 1u);
}

BOOST_AUTO_TEST_CASE(quotes_as_repr_does) {
  BOOST_TEST(in_quotes("a'b") == "\"a'b\"");
  BOOST_TEST(in_quotes("a'b\"") == "'a\\'b\"'");
  BOOST_TEST(in_quotes("\n\t\\\x01 é\xE2\x80\x8B") == "'\\n\\t\\\\\\x01 é\\u200b'");
}

BOOST_AUTO_TEST_SUITE_END()
