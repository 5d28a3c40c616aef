#include "shards/tokenizer/text_pattern.hpp"

#include <boost/test/unit_test.hpp>

#include "base/utf8.hpp"
#include "shards/tokenizer/word_scanner.hpp"
#include "tests/unit/tokenizer/support.hpp"

namespace troupe {
namespace {

constexpr std::string_view gpt2 = R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";
constexpr std::string_view llama3 =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr std::string_view qwen2 =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";

std::vector<std::string> matches(const text_pattern& pattern, std::string_view text) {
  pattern_finder finder(pattern);
  auto found = finder.find_all(text);
  BOOST_REQUIRE_MESSAGE(found, (found ? "" : found.err().message()));
  std::vector<std::string> out;
  for (auto range : *found) out.emplace_back(text.substr(range.begin, range.end - range.begin));
  return out;
}

std::vector<std::string> regex_matches(std::string_view regex, std::string_view text) {
  auto pattern = text_pattern::regex_by_icu(regex);
  BOOST_REQUIRE_MESSAGE(pattern, (pattern ? "" : pattern.err().message()));
  return matches(*pattern, text);
}

std::string regex_refusal(std::string_view regex) {
  auto pattern = text_pattern::regex(regex);
  BOOST_REQUIRE(!pattern);
  BOOST_TEST((pattern.err().code == errc::not_supported));
  return pattern.err().message();
}

using words = std::vector<std::string>;

BOOST_AUTO_TEST_SUITE(text_patterns)

BOOST_AUTO_TEST_CASE(patterns_matched_by_hand_give_what_the_regular_expressions_give) {
  for (std::string_view regex : {gpt2, llama3, qwen2}) {
    BOOST_REQUIRE(known_word_rules(regex));
    auto by_hand = text_pattern::regex(regex);
    auto by_icu = text_pattern::regex_by_icu(regex);
    BOOST_REQUIRE(by_hand);
    BOOST_REQUIRE(by_icu);
    testing::text_source source(42);
    for (int i = 0; i < 1500; ++i) {
      std::string text = source.next(30);
      BOOST_TEST(matches(*by_hand, text) == matches(*by_icu, text), boost::test_tools::per_element());
    }
  }
}

BOOST_AUTO_TEST_CASE(every_character_is_of_the_same_kind_to_both) {
  for (std::string_view regex : {gpt2, llama3}) {
    auto by_hand = text_pattern::regex(regex);
    auto by_icu = text_pattern::regex_by_icu(regex);
    std::string text;
    for (char32_t c = 1; c < 0x30000; ++c) {
      if (c >= 0xD800 && c <= 0xDFFF) continue;
      // Between a letter, a digit and a mark, each kind of character is cut in its own way.
      text += "a";
      utf8_append(text, c);
      text += "1";
      utf8_append(text, c);
      text += ".";
    }
    pattern_finder hand(*by_hand);
    pattern_finder icu(*by_icu);
    auto a = hand.find_all(text);
    auto b = icu.find_all(text);
    BOOST_REQUIRE(a);
    BOOST_REQUIRE(b);
    BOOST_TEST(std::equal(a->begin(), a->end(), b->begin(), b->end()));
  }
}

BOOST_AUTO_TEST_CASE(gpt2_words_keep_the_space_before_them) {
  BOOST_TEST(matches(text_pattern::gpt2(), "I'll pay  $12.50\n") ==
                 (words{"I", "'ll", " pay", " ", " $", "12", ".", "50", "\n"}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(white_space_means_what_it_means_to_oniguruma) {
  // U+000B and U+0085 are white space there, but not to ICU's \s.
  BOOST_TEST(regex_matches(R"(\s+)", "a\v\u0085b") == (words{"\v\u0085"}), boost::test_tools::per_element());
  BOOST_TEST(regex_matches(R"([^\s]+)", "a\v\u0085b") == (words{"a", "b"}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(lines_end_where_they_end_in_ruby_syntax) {
  BOOST_TEST(regex_matches(R"(\s+$)", "a  \nb\r c ") == (words{"  ", " "}), boost::test_tools::per_element());
  BOOST_TEST(regex_matches("^.", "a\nb\rc") == (words{"a", "b"}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(possessive_repeats_are_understood) {
  BOOST_TEST(
      regex_matches(
          R"('(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]++[\r\n]*|\s*[\r\n]|\s+(?!\S)|\s+)",
          "I'VE 12345 ok!!\n") == (words{"I", "'VE", " ", "123", "45", " ok", "!!\n"}),
      boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(expressions_that_mean_something_else_here_are_refused_by_name) {
  BOOST_TEST(regex_refusal(R"(\h+)").find("\\h is not supported") != std::string::npos);
  BOOST_TEST(regex_refusal(R"(\p{N}{1,3}+)").find("{n,m}+") != std::string::npos);
  BOOST_TEST(regex_refusal(R"([[:punct:]])").find("[: :]") != std::string::npos);
  BOOST_TEST(regex_refusal("(").find("\"(\"") != std::string::npos);
  BOOST_TEST(regex_refusal(R"(\p{Nonsense})").find("Nonsense") != std::string::npos);
  BOOST_TEST(regex_refusal(std::string(20000, 'a')).find("longer than") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_hostile_text_is_refused_and_does_not_hang) {
  auto pattern = text_pattern::regex(R"((a+)+b|\s+$)");
  BOOST_REQUIRE(pattern);
  pattern_finder finder(*pattern);
  for (const std::string& text : {std::string(50000, 'a'), std::string(50000, ' ') + "x"}) {
    auto found = finder.find_all(text);
    BOOST_REQUIRE(!found);
    BOOST_TEST((found.err().code == errc::invalid_argument));
    BOOST_TEST(found.err().message().find("too hard") != std::string::npos);
  }
  BOOST_TEST(finder.find_all("fine  ").has_value());
}

BOOST_AUTO_TEST_CASE(texts_are_matched_literally) {
  BOOST_TEST(matches(text_pattern::literal("a."), "a.aab.a.") == (words{"a.", "a."}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace troupe
