#include <boost/test/unit_test.hpp>

#include "base/utf8.hpp"
#include "tests/unit/tokenizer/support.hpp"

namespace troupe {
namespace {

using namespace testing;
using ids = std::vector<token_id>;

boost::json::object replace_mark() {
  return {{"type", "Replace"}, {"pattern", {{"String", "\u2581"}}}, {"content", " "}};
}
boost::json::object strip(int start, int stop) {
  return {{"type", "Strip"}, {"content", " "}, {"start", start}, {"stop", stop}};
}

boost::json::object with_decoder(boost::json::value decoder) {
  auto file = sentencepiece_json({"\u2581", "a", "\u2581a", "\u2581\u2581"}, {});
  file["decoder"] = std::move(decoder);
  return file;
}

// The tokens of with_decoder: <0xNN> is byte(0xNN).
constexpr token_id space = 259;
constexpr token_id letter_a = 260;
constexpr token_id space_a = 261;
constexpr token_id two_spaces = 262;
constexpr token_id byte(unsigned b) { return 3 + b; }

BOOST_AUTO_TEST_SUITE(decoding)

BOOST_AUTO_TEST_CASE(byte_level_text_comes_back_as_it_was) {
  auto t = parsed(byte_level_json({"\u0120 a", "\u00C3 \u00A9"}));
  text_source source(3);
  for (int i = 0; i < 2000; ++i) {
    std::string text = source.next(40);
    for (auto special : {special_tokens::parsed, special_tokens::as_text}) {
      auto tokens = encoded(*t, text, false, special);
      BOOST_TEST(t->decode(tokens, false) == text);
      BOOST_TEST(streamed(t, tokens, false) == text);
    }
  }
}

BOOST_AUTO_TEST_CASE(a_stream_gives_what_decoding_at_once_gives_for_any_tokens) {
  std::vector<std::shared_ptr<const tokenizer>> tokenizers{
      parsed(byte_level_json({"\u0120 a", "\u00C3 \u00A9"})),
      parsed(sentencepiece_json({"\u2581", "a", "\u2581a", "\u00E9"}, {})),
      parsed(with_decoder(nullptr)),
      parsed(with_decoder({{"type", "Metaspace"}, {"replacement", "\u2581"}})),
      parsed(with_decoder(
          {{"type", "Sequence"}, {"decoders", boost::json::array{replace_mark(), {{"type", "Fuse"}}, strip(2, 3)}}})),
  };
  text_source source(11);
  for (const auto& t : tokenizers) {
    for (int i = 0; i < 2000; ++i) {
      ids tokens;
      // Bytes are likely, so that characters are cut, completed and broken off in every way.
      for (size_t n = source.below(12); n > 0; --n)
        tokens.push_back(static_cast<token_id>(source.below(t->vocab_size() + 5)));
      for (auto from : {decode_from::start, decode_from::middle}) {
        for (bool skip_special : {false, true}) {
          BOOST_TEST(streamed(t, tokens, skip_special, from) == t->decode(tokens, skip_special, from));
        }
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(a_character_comes_out_with_its_last_byte) {
  for (const auto& [t, shift] :
       {std::pair{parsed(byte_level_json()), 0U}, std::pair{parsed(sentencepiece_json({"a"}, {})), 3U}}) {
    stream_decoder stream(t, true);
    BOOST_TEST(stream.push(0xF0 + shift) == "");
    BOOST_TEST(stream.push(0x9F + shift) == "");
    BOOST_TEST(stream.push(0xA6 + shift) == "");
    BOOST_TEST(stream.push(0x99 + shift) == "\U0001F999");
    BOOST_TEST(stream.push(0xC3 + shift) == "");
    BOOST_TEST(stream.finish() == "\uFFFD");
  }
}

BOOST_AUTO_TEST_CASE(broken_bytes_are_replaced_as_soon_as_they_are_known_to_be) {
  auto t = parsed(byte_level_json());
  stream_decoder stream(t, true);
  BOOST_TEST(stream.push(0xE2) == "");
  BOOST_TEST(stream.push(0x82) == "");
  // One mark for the maximal part E2 82, as Unicode recommends, and then the letter.
  BOOST_TEST(stream.push('a') == "\uFFFDa");
  BOOST_TEST(stream.push(0xFF) == "\uFFFD");
}

BOOST_AUTO_TEST_CASE(bytes_by_fallback_are_replaced_one_by_one) {
  auto t = parsed(with_decoder(
      {{"type", "Sequence"}, {"decoders", boost::json::array{{{"type", "ByteFallback"}}, {{"type", "Fuse"}}}}}));
  BOOST_TEST(t->decode(ids{byte(0xE2), byte(0x82), letter_a}, false) == "\uFFFD\uFFFDa");
  BOOST_TEST(t->decode(ids{byte(0xE2), byte(0x82), byte(0xAC), letter_a}, false) == "\u20ACa");
  BOOST_TEST(t->decode(ids{byte(0xC3), letter_a, byte(0xA9)}, false) == "\uFFFDa\uFFFD");
}

BOOST_AUTO_TEST_CASE(the_leading_space_goes_only_at_the_start_of_the_text) {
  auto t = parsed(sentencepiece_json({"\u2581", "a", "\u2581a", "\u2581\u2581"}, {}));
  BOOST_TEST(t->decode(ids{space_a, space_a}, true) == "a a");
  BOOST_TEST(t->decode(ids{two_spaces, letter_a}, true) == " a");
  BOOST_TEST(t->decode(ids{space_a, space_a}, true, decode_from::middle) == " a a");
  // After a control token that is shown it is not the start; after one that is skipped it is.
  BOOST_TEST(t->decode(ids{1, space_a}, false) == "<s> a");
  BOOST_TEST(t->decode(ids{1, space_a}, true) == "a");
}

BOOST_AUTO_TEST_CASE(metaspace_drops_the_marks_of_the_first_token) {
  auto t = parsed(with_decoder({{"type", "Metaspace"}, {"replacement", "\u2581"}, {"prepend_scheme", "always"}}));
  BOOST_TEST(t->decode(ids{two_spaces, two_spaces, letter_a}, true) == "  a");
  BOOST_TEST(t->decode(ids{space_a, space_a}, true, decode_from::middle) == " a a");
  auto never = parsed(with_decoder({{"type", "Metaspace"}, {"replacement", "\u2581"}, {"prepend_scheme", "never"}}));
  BOOST_TEST(never->decode(ids{space_a, space_a}, true) == " a a");
}

BOOST_AUTO_TEST_CASE(spaces_at_the_end_are_held_back_where_the_end_is_stripped) {
  auto t = parsed(with_decoder(
      {{"type", "Sequence"}, {"decoders", boost::json::array{replace_mark(), {{"type", "Fuse"}}, strip(0, 2)}}}));
  stream_decoder stream(t, true);
  BOOST_TEST(stream.push(letter_a) == "a");
  BOOST_TEST(stream.push(space) == "");
  BOOST_TEST(stream.push(two_spaces) == " ");
  BOOST_TEST(stream.push(letter_a) == "  a");
  BOOST_TEST(stream.push(space) == "");
  BOOST_TEST(stream.finish() == "");
}

BOOST_AUTO_TEST_CASE(without_a_decoder_tokens_are_joined_with_spaces) {
  auto t = parsed(with_decoder(nullptr));
  BOOST_TEST(t->decode(ids{letter_a, 2, letter_a}, false) == "a </s> a");
  BOOST_TEST(t->decode(ids{letter_a, 2, letter_a}, true) == "a a");
}

BOOST_AUTO_TEST_CASE(ids_without_a_token_give_nothing) {
  auto t = parsed(byte_level_json());
  BOOST_TEST(t->decode(ids{'a', 4000000000U, 257, 'b'}, false) == "ab");
}

BOOST_AUTO_TEST_CASE(an_added_token_is_text_and_not_written_in_the_byte_alphabet) {
  auto file = byte_level_json();
  file["added_tokens"].as_array().push_back({{"id", 301}, {"content", "\u00FC\u00FC"}, {"special", false}});
  file["added_tokens"].as_array().push_back({{"id", 300}, {"content", "\uFF5Cend \u2581\uFF5C"}, {"special", true}});
  auto t = parsed(file);
  BOOST_TEST(t->decode(ids{'a', 300, 'b'}, false) == "a\uFF5Cend \u2581\uFF5Cb");
  BOOST_TEST(t->decode(encoded(*t, "F\u00FC\u00FChrer"), false) == "F\u00FC\u00FChrer");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace troupe
