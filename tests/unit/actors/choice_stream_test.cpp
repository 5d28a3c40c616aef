#include "actors/request/choice_stream.hpp"

#include <boost/test/unit_test.hpp>

#include "base/json.hpp"

namespace troupe {
namespace {

// Three words and the two halves of a character.
std::shared_ptr<const tokenizer> little_tokenizer() {
  auto json = *parse_json(R"({"model":{"type":"BPE","vocab":{"a":0,"b":1,"c":2,"Ã":3,"©":4},"merges":[]},
    "pre_tokenizer":{"type":"ByteLevel","add_prefix_space":false,"trim_offsets":true,"use_regex":true},
    "decoder":{"type":"ByteLevel","add_prefix_space":true,"trim_offsets":true,"use_regex":true},"added_tokens":[]})");
  auto made = tokenizer::parse(json);
  BOOST_REQUIRE_MESSAGE(made.has_value(), (made ? "" : made.err().message()));
  return *made;
}

stream_token token(uint32_t index, token_id id, finish_reason finish = finish_reason::none) {
  stream_token t;
  t.index = index;
  t.id = id;
  t.finish = finish;
  return t;
}

struct one_choice {
  generate_request request;
  std::shared_ptr<const tokenizer> tokens = little_tokenizer();
  choice_stream stream() { return {0, request, tokens}; }
};

BOOST_FIXTURE_TEST_CASE(only_the_next_token_is_accepted, one_choice) {
  auto s = stream();
  using verdict = choice_stream::verdict;
  BOOST_TEST((s.accept(token(0, 0)) == verdict::accepted));
  BOOST_TEST((s.accept(token(0, 1)) == verdict::repeated));
  BOOST_TEST((s.accept(token(2, 1)) == verdict::gap));
  BOOST_TEST((s.accept(token(1, 1, finish_reason::length)) == verdict::accepted));
  BOOST_TEST((s.accept(token(2, 1)) == verdict::late));
  BOOST_TEST(s.committed().size() == 2u);
  BOOST_TEST(s.delta().text == "ab");
}

BOOST_FIXTURE_TEST_CASE(half_a_character_waits_for_the_other_half, one_choice) {
  auto s = stream();
  (void)s.accept(token(0, 3));
  BOOST_TEST(!s.has_delta());
  (void)s.accept(token(1, 4));
  BOOST_TEST(s.delta().text == "\xC3\xA9");
}

// A tokenizer in the manner of SentencePiece writes a space before the first word of a text, and takes it away again.
BOOST_FIXTURE_TEST_CASE(the_space_before_the_first_word_goes_where_the_answer_begins_the_text, one_choice) {
  auto json = *parse_json(R"({"model":{"type":"BPE","vocab":{"<s>":0,"▁a":1,"▁b":2},"merges":[]},"normalizer":null,
    "decoder":{"type":"Sequence","decoders":[{"type":"Replace","pattern":{"String":"▁"},"content":" "},
                                             {"type":"Fuse"},{"type":"Strip","content":" ","start":1,"stop":0}]},
    "added_tokens":[{"id":0,"content":"<s>","special":true}]})");
  auto made = tokenizer::parse(json);
  BOOST_REQUIRE_MESSAGE(made.has_value(), (made ? "" : made.err().message()));
  tokens = *made;
  auto text_after = [&](std::vector<token_id> prompt) {
    request.prompt = std::move(prompt);
    auto s = stream();
    (void)s.accept(token(0, 1));
    (void)s.accept(token(1, 2, finish_reason::length));
    return s.delta().text;
  };
  BOOST_TEST(text_after({0}) == "a b");
  BOOST_TEST(text_after({0, 2}) == " a b");
  request.keep_special_tokens = true;
  BOOST_TEST(text_after({0}) == " a b");
}

BOOST_FIXTURE_TEST_CASE(a_delta_that_was_not_taken_grows, one_choice) {
  auto s = stream();
  (void)s.accept(token(0, 0));
  BOOST_TEST(s.delta().text == "a");
  (void)s.accept(token(1, 1));
  BOOST_TEST(s.delta().text == "ab");
  s.delta_taken();
  BOOST_TEST(!s.has_delta());
  (void)s.accept(token(2, 2, finish_reason::stop));
  BOOST_TEST(s.delta().text == "c");
  BOOST_TEST((s.delta().finish == finish_reason::stop));
  s.delta_taken();
  BOOST_TEST(!s.has_delta());
}

BOOST_FIXTURE_TEST_CASE(a_stop_string_ends_the_choice_before_itself, one_choice) {
  request.stop = {"bc"};
  auto s = stream();
  (void)s.accept(token(0, 0));
  (void)s.accept(token(1, 1));
  BOOST_TEST(s.delta().text == "a");
  (void)s.accept(token(2, 2));
  BOOST_TEST(s.finished());
  BOOST_TEST(s.delta().text == "a");
  BOOST_TEST((s.delta().finish == finish_reason::stop));
}

}  // namespace
}  // namespace troupe
