// The components of tokenizer.json one by one. When they were written, all of them gave what the Hugging Face
// tokenizers library (0.21.4) gives, on 600 texts for each of 80 combinations.
#include <boost/test/unit_test.hpp>

#include "base/json.hpp"
#include "shards/tokenizer/normalizer.hpp"
#include "shards/tokenizer/post_processor.hpp"
#include "shards/tokenizer/pre_tokenizer.hpp"
#include "tests/unit/tokenizer/support.hpp"

namespace troupe {
namespace {

using words = std::vector<std::string>;

boost::json::value json_of(std::string_view text) {
  auto value = parse_json(text);
  BOOST_REQUIRE_MESSAGE(value, (value ? "" : value.err().message()));
  return *value;
}

std::string normalized(std::string_view description, std::string_view text) {
  auto n = normalizer::parse(json_of(description));
  BOOST_REQUIRE_MESSAGE(n, (n ? "" : n.err().message()));
  auto out = n->apply(text);
  BOOST_REQUIRE_MESSAGE(out, (out ? "" : out.err().message()));
  return *out;
}

words split(std::string_view description, std::string_view text, bool first = true) {
  auto p = pre_tokenizer::parse(json_of(description));
  BOOST_REQUIRE_MESSAGE(p, (p ? "" : p.err().message()));
  auto out = p->apply(std::string(text), first);
  BOOST_REQUIRE_MESSAGE(out, (out ? "" : out.err().message()));
  words list;
  for (const auto& w : out->words) list.push_back(out->text.substr(w.begin, w.end - w.begin));
  return list;
}

std::string normalizer_refusal(std::string_view description) {
  auto n = normalizer::parse(json_of(description));
  BOOST_REQUIRE(!n);
  return n.err().message();
}

std::string split_refusal(std::string_view description) {
  auto p = pre_tokenizer::parse(json_of(description));
  BOOST_REQUIRE(!p);
  return p.err().message();
}

#define TEST_WORDS(actual, ...) BOOST_TEST((actual) == (words{__VA_ARGS__}), boost::test_tools::per_element())

BOOST_AUTO_TEST_SUITE(normalizers)

BOOST_AUTO_TEST_CASE(unicode_forms_compose_and_decompose) {
  BOOST_TEST(normalized(R"({"type":"NFC"})", "e\u0301") == "\u00E9");
  BOOST_TEST(normalized(R"({"type":"NFD"})", "\u00E9") == "e\u0301");
  BOOST_TEST(normalized(R"({"type":"NFKC"})", "\uFB01\u2460") == "fi1");
  BOOST_TEST(normalized(R"({"type":"NFKD"})", "\u00E9\uFB01") == "e\u0301fi");
}

BOOST_AUTO_TEST_CASE(lowercase_is_of_each_character_by_itself) {
  BOOST_TEST(normalized(R"({"type":"Lowercase"})", "\u0130\u03A3\u00C9A") == "i\u0307\u03C3\u00E9a");
}

BOOST_AUTO_TEST_CASE(a_sequence_runs_in_order) {
  BOOST_TEST(
      normalized(R"({"type":"Sequence","normalizers":[{"type":"NFD"},{"type":"StripAccents"},{"type":"Lowercase"}]})",
                 "\u00C9A") == "ea");
  BOOST_TEST(
      normalized(
          R"({"type":"Sequence","normalizers":[{"type":"Prepend","prepend":"_"},{"type":"Replace","pattern":{"String":"_"},"content":"--"}]})",
          "a") == "--a");
}

BOOST_AUTO_TEST_CASE(prepend_leaves_an_empty_text_empty) {
  BOOST_TEST(normalized(R"({"type":"Prepend","prepend":"_"})", "") == "");
}

BOOST_AUTO_TEST_CASE(replacements_are_literal) {
  BOOST_TEST(normalized(R"({"type":"Replace","pattern":{"Regex":"\\s+"},"content":"$1"})", "a \tb") == "a$1b");
}

BOOST_AUTO_TEST_CASE(strip_takes_the_sides_that_it_is_told) {
  BOOST_TEST(normalized(R"({"type":"Strip","strip_left":true,"strip_right":false})", " \u3000a ") == "a ");
  BOOST_TEST(normalized(R"({"type":"Strip","strip_left":false,"strip_right":true})", " a\n ") == " a");
  BOOST_TEST(normalized(R"({"type":"Strip","strip_left":true,"strip_right":true})", " \n ") == "");
}

BOOST_AUTO_TEST_CASE(null_changes_nothing) { BOOST_TEST(normalized("null", "e\u0301 ") == "e\u0301 "); }

BOOST_AUTO_TEST_CASE(what_is_not_known_is_named) {
  BOOST_TEST(normalizer_refusal(R"({"type":"Precompiled","precompiled_charsmap":""})") ==
             "normalizer: normalizer type \"Precompiled\" is not supported");
  BOOST_TEST(normalizer_refusal(R"({"type":"Sequence","normalizers":[{"type":"NFC"},{"type":"Nmt"}]})") ==
             "normalizer.normalizers[1]: normalizer type \"Nmt\" is not supported");
  BOOST_TEST(normalizer_refusal(R"({"type":"NFC","level":2})") ==
             "normalizer (NFC): the member \"level\" is not supported");
  BOOST_TEST(normalizer_refusal(R"({"prepend":"x"})") == "normalizer.type is missing");
  BOOST_TEST(normalizer_refusal(R"([])") == "normalizer must be an object");
  BOOST_TEST(normalizer_refusal(R"({"type":"Sequence"})") == "normalizer.normalizers is missing");
  BOOST_TEST(normalizer_refusal(R"({"type":"Replace","pattern":{"String":""},"content":"x"})") ==
             "normalizer.pattern: an empty pattern is not supported");
  BOOST_TEST(normalizer_refusal(R"({"type":"Replace","pattern":{"String":"a","Regex":"b"},"content":"x"})") ==
             "normalizer.pattern must have one member, \"String\" or \"Regex\"");
}

BOOST_AUTO_TEST_CASE(a_part_has_at_most_so_many_components) {
  std::string many;
  for (int i = 0; i < 65; ++i) many += std::string(i ? "," : "") + R"({"type":"NFC"})";
  BOOST_TEST(
      normalizer_refusal(R"({"type":"Sequence","normalizers":[)" + many + "]}").find("more than 64 components") !=
      std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_text_may_not_grow_without_bound) {
  auto n = normalizer::parse(
      json_of(R"({"type":"Replace","pattern":{"String":"a"},"content":")" + std::string(1000, 'b') + "\"}"));
  BOOST_REQUIRE(n);
  auto out = n->apply(std::string(100000, 'a'));
  BOOST_REQUIRE(!out);
  BOOST_TEST(out.err().message().find("grows beyond") != std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(pre_tokenizers)

BOOST_AUTO_TEST_CASE(byte_level_writes_bytes_as_characters) {
  TEST_WORDS(
      split(R"({"type":"ByteLevel","add_prefix_space":false,"trim_offsets":true,"use_regex":true})", "a \u00E9\n"), "a",
      "\u0120\u00C3\u00A9", "\u010A");
  TEST_WORDS(split(R"({"type":"ByteLevel","add_prefix_space":true,"use_regex":false})", "a b"), "\u0120a\u0120b");
}

BOOST_AUTO_TEST_CASE(split_knows_five_behaviours) {
  auto by = [](std::string_view behavior, std::string_view invert = "false") {
    return split(R"({"type":"Split","pattern":{"String":"-"},"behavior":")" + std::string(behavior) + R"(","invert":)" +
                     std::string(invert) + "}",
                 "-a--b-");
  };
  TEST_WORDS(by("Removed"), "a", "b");
  TEST_WORDS(by("Isolated"), "-", "a", "-", "-", "b", "-");
  TEST_WORDS(by("MergedWithPrevious"), "-", "a-", "-", "b-");
  TEST_WORDS(by("MergedWithNext"), "-a", "-", "-b", "-");
  TEST_WORDS(by("Contiguous"), "-", "a", "--", "b", "-");
  TEST_WORDS(by("Removed", "true"), "-", "-", "-", "-");
}

BOOST_AUTO_TEST_CASE(digits_are_cut_together_or_one_by_one) {
  TEST_WORDS(split(R"({"type":"Digits","individual_digits":false})", "a12\u0663b"), "a", "12\u0663", "b");
  TEST_WORDS(split(R"({"type":"Digits","individual_digits":true})", "a12"), "a", "1", "2");
}

BOOST_AUTO_TEST_CASE(punctuation_and_white_space_split) {
  TEST_WORDS(split(R"({"type":"Punctuation","behavior":"Isolated"})", "a, b$\u2014c"), "a", ",", " b", "$", "\u2014",
             "c");
  TEST_WORDS(split(R"({"type":"Whitespace"})", "Hi, you_2!? \u00E9"), "Hi", ",", "you_2", "!?", "\u00E9");
  TEST_WORDS(split(R"({"type":"WhitespaceSplit"})", " Hi,\u3000you\n"), "Hi,", "you");
}

BOOST_AUTO_TEST_CASE(metaspace_marks_spaces_and_the_start) {
  auto by = [](std::string_view scheme, bool cut, bool first = true) {
    return split(R"({"type":"Metaspace","replacement":"▁","prepend_scheme":")" + std::string(scheme) + R"(","split":)" +
                     (cut ? "true}" : "false}"),
                 "a  b", first);
  };
  TEST_WORDS(by("always", true), "▁a", "▁", "▁b");
  TEST_WORDS(by("always", false), "▁a▁▁b");
  TEST_WORDS(by("first", true), "▁a", "▁", "▁b");
  TEST_WORDS(by("first", true, false), "a", "▁", "▁b");
  TEST_WORDS(by("never", true), "a", "▁", "▁b");
}

BOOST_AUTO_TEST_CASE(a_sequence_splits_again_what_was_split) {
  TEST_WORDS(
      split(
          R"({"type":"Sequence","pretokenizers":[{"type":"WhitespaceSplit"},{"type":"Metaspace","replacement":"▁","prepend_scheme":"first"}]})",
          "a b"),
      "▁a", "b");
}

BOOST_AUTO_TEST_CASE(an_empty_text_has_no_words) { BOOST_TEST(split("null", "").empty()); }

BOOST_AUTO_TEST_CASE(a_split_that_is_not_known_is_named) {
  BOOST_TEST(split_refusal(R"({"type":"UnicodeScripts"})") ==
             "pre_tokenizer: pre_tokenizer type \"UnicodeScripts\" is not supported");
  BOOST_TEST(split_refusal(R"({"type":"Split","pattern":{"String":"a"},"behavior":"Sideways"})") ==
             "pre_tokenizer.behavior \"Sideways\" is not supported");
  BOOST_TEST(split_refusal(R"({"type":"Split","behavior":"Removed"})") == "pre_tokenizer.pattern is missing");
  BOOST_TEST(split_refusal(R"({"type":"Metaspace","replacement":"ab"})") ==
             "pre_tokenizer.replacement must be one character");
  BOOST_TEST(split_refusal(R"({"type":"Metaspace","replacement":"_","prepend_scheme":"last"})") ==
             "pre_tokenizer.prepend_scheme \"last\" is not supported");
  BOOST_TEST(split_refusal(R"({"type":"ByteLevel","use_regex":1})") == "pre_tokenizer.use_regex must be a boolean");
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(post_processors)

using ids = std::vector<token_id>;

result<post_processor> around(std::string_view description) {
  return post_processor::parse(json_of(description), [](token_id id) { return id < 10; });
}

BOOST_AUTO_TEST_CASE(a_template_gives_the_tokens_on_both_sides) {
  auto p = around(R"({"type":"TemplateProcessing",
    "single":[{"SpecialToken":{"id":"[A]","type_id":0}},{"Sequence":{"id":"A","type_id":0}},{"SpecialToken":{"id":"[B]","type_id":0}}],
    "pair":[],"special_tokens":{"[A]":{"id":"[A]","ids":[1,2],"tokens":["x","y"]},"[B]":{"id":"[B]","ids":[3],"tokens":["z"]}}})");
  BOOST_REQUIRE_MESSAGE(p, (p ? "" : p.err().message()));
  BOOST_TEST(p->before == (ids{1, 2}), boost::test_tools::per_element());
  BOOST_TEST(p->after == (ids{3}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(bert_and_roberta_put_one_token_on_each_side) {
  auto p = around(
      R"({"type":"RobertaProcessing","sep":["</s>",2],"cls":["<s>",1],"trim_offsets":true,"add_prefix_space":false})");
  BOOST_REQUIRE(p);
  BOOST_TEST(p->before == (ids{1}), boost::test_tools::per_element());
  BOOST_TEST(p->after == (ids{2}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_template_that_makes_no_sense_is_refused) {
  auto message = [](std::string_view description) {
    auto p = around(description);
    BOOST_REQUIRE(!p);
    return p.err().message();
  };
  BOOST_TEST(
      message(
          R"({"type":"TemplateProcessing","single":[{"SpecialToken":{"id":"[A]"}},{"Sequence":{"id":"A"}}],"special_tokens":{}})") ==
      "post_processor.special_tokens lacks \"[A]\"");
  BOOST_TEST(
      message(
          R"({"type":"TemplateProcessing","single":[{"SpecialToken":{"id":"a"}},{"Sequence":{"id":"A"}}],"special_tokens":{"a":{"ids":[10]}}})") ==
      "post_processor.special_tokens: \"a\" must be the id of a token");
  BOOST_TEST(message(R"({"type":"TemplateProcessing","single":[],"special_tokens":{}})") ==
             "post_processor.single has no place for the text");
  BOOST_TEST(
      message(R"({"type":"TemplateProcessing","single":[{"Sequence":{"id":"B"}}]})").find("must have it, A, once") !=
      std::string::npos);
  BOOST_TEST(message(R"({"type":"TemplateProcessing","single":"$A"})") == "post_processor.single must be an array");
  BOOST_TEST(message(R"({"type":"BertProcessing","sep":["x",2]})") == "post_processor.cls must be [token, id]");
  BOOST_TEST(message(R"({"type":"Nonsense"})") == "post_processor: post_processor type \"Nonsense\" is not supported");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace troupe
