#include <boost/test/unit_test.hpp>

#include "base/utf8.hpp"
#include "tests/unit/tokenizer/support.hpp"

namespace troupe {
namespace {

using namespace testing;
using ids = std::vector<token_id>;
using texts = std::vector<std::string>;

#define TEST_LIST(actual, expected) BOOST_TEST((actual) == (expected), boost::test_tools::per_element())

boost::json::object added(token_id id, std::string_view content, std::initializer_list<std::string_view> flags) {
  boost::json::object token{{"id", int64_t{id}}, {"content", content}, {"normalized", false}};
  for (auto flag : flags) token[flag] = true;
  return token;
}

// The tokenizer with these tokens added from id 300.
std::shared_ptr<const tokenizer> with_added(boost::json::object file,
                                            std::initializer_list<boost::json::object> tokens) {
  for (const auto& token : tokens) file["added_tokens"].as_array().push_back(token);
  return parsed(file);
}

BOOST_AUTO_TEST_SUITE(encoding)

BOOST_AUTO_TEST_CASE(the_pair_of_the_lowest_rank_merges_first) {
  auto t = parsed(byte_level_json({"b c", "a b", "ab c"}));
  TEST_LIST(pieces(*t, "abc"), (texts{"a", "bc"}));
  TEST_LIST(pieces(*t, "abab"), (texts{"ab", "ab"}));
}

BOOST_AUTO_TEST_CASE(of_equal_pairs_the_leftmost_merges_first) {
  auto t = parsed(byte_level_json({"a a"}));
  TEST_LIST(pieces(*t, "aaa"), (texts{"aa", "a"}));
}

BOOST_AUTO_TEST_CASE(merges_may_be_pairs_in_an_array) {
  auto file = byte_level_json({"a b"});
  auto& merges = file["model"].as_object()["merges"].as_array();
  merges[0] = boost::json::array{"a", "b"};
  TEST_LIST(pieces(*parsed(file), "ab"), (texts{"ab"}));
}

BOOST_AUTO_TEST_CASE(a_word_that_is_a_token_is_not_cut_where_the_model_ignores_merges) {
  auto file = byte_level_json({"b c", "a b", "ab c"});
  file["model"].as_object()["ignore_merges"] = true;
  TEST_LIST(pieces(*parsed(file), "abc"), (texts{"abc"}));
}

BOOST_AUTO_TEST_CASE(a_run_of_one_letter_takes_no_longer_than_its_length_allows) {
  // With a quadratic algorithm this takes minutes; the test's time limit would end it.
  std::vector<std::string> merges;
  for (std::string piece = "a"; piece.size() < 64; piece += piece) merges.push_back(piece + " " + piece);
  auto t = parsed(byte_level_json(merges));
  BOOST_TEST(encoded(*t, std::string(1 << 19, 'a')).size() == (1U << 19) / 64);
}

BOOST_AUTO_TEST_CASE(characters_without_a_token_become_their_bytes) {
  auto t = parsed(sentencepiece_json({"\u2581", "a"}, {}));
  TEST_LIST(encoded(*t, "a\u00E9"), (ids{259, 260, 3 + 0xC3, 3 + 0xA9}));
}

BOOST_AUTO_TEST_CASE(characters_without_token_or_bytes_become_unknown) {
  auto file = sentencepiece_json({"\u2581", "a"}, {});
  auto& model = file["model"].as_object();
  model["byte_fallback"] = false;
  TEST_LIST(encoded(*parsed(file), "a??a?"), (ids{259, 260, 0, 260, 0}));
  model["fuse_unk"] = false;
  TEST_LIST(encoded(*parsed(file), "a??"), (ids{259, 260, 0, 0}));
  model["unk_token"] = nullptr;
  TEST_LIST(encoded(*parsed(file), "a??a"), (ids{259, 260, 260}));
}

BOOST_AUTO_TEST_CASE(sentencepiece_merges_reach_over_spaces) {
  auto t =
      parsed(sentencepiece_json({"\u2581", "a", "b", "\u2581a", "a\u2581", "b\u2581a"}, {"b \u2581a", "\u2581 a"}));
  // No "▁a" before the "b" merges: "b ▁a" can only follow once that exists.
  TEST_LIST(pieces(*t, "b a"), (texts{" ", "b a"}));
}

BOOST_AUTO_TEST_CASE(an_empty_text_has_no_tokens) {
  BOOST_TEST(encoded(*parsed(byte_level_json()), "").empty());
  BOOST_TEST(encoded(*parsed(sentencepiece_json({"\u2581"}, {})), "").empty());
}

BOOST_AUTO_TEST_CASE(texts_that_are_no_utf8_or_too_long_are_refused) {
  auto t = parsed(byte_level_json());
  for (std::string_view text : {"a\xFF", "\xE2\x82", "\xED\xA0\x80"}) {
    auto out = t->encode(text, false);
    BOOST_REQUIRE(!out);
    BOOST_TEST((out.err().code == errc::invalid_argument));
    BOOST_TEST(out.err().message() == "the text is not valid UTF-8");
  }
  auto out = t->encode(std::string(tokenizer::text_bytes_max + 1, 'a'), false);
  BOOST_REQUIRE(!out);
  BOOST_TEST(out.err().message().find("at most 8388608") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(bos_and_eos_stand_around_the_text_when_the_options_say_so) {
  tokenizer_options options{
      .bos_token = "<s>", .eos_token = "</s>", .add_bos = true, .add_eos = true, .added_tokens = {}};
  auto t = parsed(sentencepiece_json({"\u2581", "a"}, {}), options);
  TEST_LIST(encoded(*t, "a", true), (ids{1, 259, 260, 2}));
  TEST_LIST(encoded(*t, "a", false), (ids{259, 260}));
  TEST_LIST(encoded(*t, "", true), (ids{1, 2}));
  BOOST_TEST(t->bos().value() == 1U);
  BOOST_TEST(t->eos().value() == 2U);
  BOOST_TEST(t->bos_token() == "<s>");
  BOOST_TEST(t->eos_token() == "</s>");
}

BOOST_AUTO_TEST_CASE(tokens_are_found_by_their_text) {
  auto t = parsed(byte_level_json({"\u0120 a"}));
  BOOST_TEST(t->find("\u0120a").value() == 256U);
  BOOST_TEST(t->find("<|end|>").value() == 257U);
  BOOST_TEST(!t->find("nothing"));
  BOOST_TEST(t->vocab_size() == 258U);
  BOOST_TEST(t->token_bytes(256) == " a");
  BOOST_TEST(t->token_bytes(0xE9) == "\xE9");
  BOOST_TEST(t->token_bytes(999) == "");
  BOOST_TEST(t->contains(257));
  BOOST_TEST(!t->contains(258));
  BOOST_TEST(t->is_special(257));
  BOOST_TEST(!t->is_special(256));
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(tokens_in_text)

BOOST_AUTO_TEST_CASE(a_control_token_is_found_in_text) {
  auto t = parsed(byte_level_json());
  TEST_LIST(encoded(*t, "a<|end|>b"), (ids{'a', 256, 'b'}));
}

BOOST_AUTO_TEST_CASE(a_control_token_stays_text_where_text_was_asked_for) {
  auto t = parsed(byte_level_json({"< |", "<| e", "<|e n", "<|en d", "<|end |", "<|end| >"}));
  // The last merge would make the control token; <|end|> itself is the id 261 of the vocabulary.
  BOOST_TEST(t->find("<|end|>").value() == 261U);
  auto as_text = encoded(*t, "a<|end|>", false, special_tokens::as_text);
  for (token_id id : as_text) BOOST_TEST(!t->is_special(id));
  BOOST_TEST(t->decode(as_text, true) == "a<|end|>");
}

BOOST_AUTO_TEST_CASE(no_text_can_become_a_control_token_as_text) {
  auto file = byte_level_json({"< |", "<| e", "<|e n", "<|en d", "<|end |", "<|end| >"});
  file["model"].as_object()["ignore_merges"] = true;
  auto t = parsed(file);
  text_source source(7);
  for (int i = 0; i < 2000; ++i) {
    std::string text = source.next(20) + "<|end|>";
    for (token_id id : encoded(*t, text, false, special_tokens::as_text)) BOOST_TEST(!t->is_special(id));
  }
}

BOOST_AUTO_TEST_CASE(the_longest_of_the_leftmost_tokens_is_taken) {
  auto t = with_added(byte_level_json(), {added(300, "<a>", {}), added(301, "<a><b>", {}), added(302, "a>", {})});
  TEST_LIST(encoded(*t, "<a><b><a>a>"), (ids{301, 300, 302}));
}

BOOST_AUTO_TEST_CASE(tokens_take_the_spaces_that_their_flags_say) {
  auto t = with_added(byte_level_json(), {added(300, "<l>", {"lstrip"}), added(301, "<r>", {"rstrip"})});
  TEST_LIST(encoded(*t, "a \n<l> b"), (ids{'a', 300, ' ', 'b'}));
  TEST_LIST(encoded(*t, "a <r>\u3000b"), (ids{'a', ' ', 301, 'b'}));
  TEST_LIST(encoded(*t, "<r>  <l>"), (ids{301, 300}));
}

BOOST_AUTO_TEST_CASE(a_single_word_stands_alone) {
  auto t = with_added(byte_level_json(), {added(300, "cat", {"single_word"})});
  TEST_LIST(encoded(*t, "cat cats"), (ids{300, ' ', 'c', 'a', 't', 's'}));
  TEST_LIST(encoded(*t, "_cat"), (ids{'_', 'c', 'a', 't'}));
  TEST_LIST(encoded(*t, "(cat)"), (ids{'(', 300, ')'}));
}

BOOST_AUTO_TEST_CASE(a_normalized_token_is_found_in_the_form_it_has_there) {
  auto file = byte_level_json();
  file["normalizer"] = {{"type", "Lowercase"}};
  auto token = added(300, "Cat", {});
  token["normalized"] = true;
  auto t = with_added(file, {token, added(301, "Dog", {})});
  TEST_LIST(encoded(*t, "cAtdogDog"), (ids{300, 'd', 'o', 'g', 301}));
}

BOOST_AUTO_TEST_CASE(each_part_between_tokens_is_normalized_by_itself) {
  auto t = parsed(sentencepiece_json({"\u2581", "a"}, {}));
  TEST_LIST(encoded(*t, "a</s>a"), (ids{259, 260, 2, 259, 260}));
}

BOOST_AUTO_TEST_CASE(the_first_metaspace_is_only_at_the_start_of_the_text) {
  auto file = sentencepiece_json({"\u2581", "a"}, {});
  file["normalizer"] = nullptr;
  file["pre_tokenizer"] = {
      {"type", "Metaspace"}, {"replacement", "\u2581"}, {"prepend_scheme", "first"}, {"split", false}};
  auto t = parsed(file);
  TEST_LIST(encoded(*t, "a</s>a"), (ids{259, 260, 2, 260}));
  TEST_LIST(encoded(*t, "</s>a"), (ids{2, 260}));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace troupe
