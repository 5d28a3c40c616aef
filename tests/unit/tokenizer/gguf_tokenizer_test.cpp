#include "shards/tokenizer/gguf_tokenizer.hpp"

#include <boost/test/unit_test.hpp>
#include <cmath>

#include "shards/tokenizer/byte_level.hpp"
#include "shards/tokenizer/vocabulary.hpp"
#include "shards/tokenizer/word_splits.hpp"
#include "tests/support/gguf_model.hpp"
#include "tests/support/gguf_writer.hpp"
#include "tests/support/temporary_folder.hpp"
#include "tests/support/test_data.hpp"
#include "tests/unit/tokenizer/support.hpp"

namespace troupe {
namespace {

using namespace testing;
using test::gguf_writer;
using ids = std::vector<token_id>;

result<std::shared_ptr<const tokenizer>> read(const gguf_writer& writer) {
  const std::string file = writer.file();
  TROUPE_ASSIGN(const auto contents, parse_gguf(std::as_bytes(std::span(file))));
  return tokenizer_from_gguf(contents);
}

std::shared_ptr<const tokenizer> made(const gguf_writer& writer) {
  auto t = read(writer);
  BOOST_REQUIRE_MESSAGE(t, (t ? "" : t.err().message()));
  return *t;
}

bool refused(const gguf_writer& writer, errc code, std::string_view part) {
  auto t = read(writer);
  BOOST_REQUIRE(!t);
  BOOST_TEST_INFO("the error: " << t.err().message());
  return t.err().code == code && t.err().message().find(part) != std::string::npos;
}

struct token {
  std::string text;
  float score;
  int32_t kind;
};

gguf_writer with_tokens(const char* model, const std::vector<token>& tokens) {
  std::vector<std::string> texts;
  std::vector<float> scores;
  std::vector<int32_t> kinds;
  for (const auto& t : tokens) {
    texts.push_back(t.text);
    scores.push_back(t.score);
    kinds.push_back(t.kind);
  }
  gguf_writer out;
  out.text("tokenizer.ggml.model", model);
  out.texts("tokenizer.ggml.tokens", texts);
  out.ints("tokenizer.ggml.token_type", kinds);
  if (std::string_view(model) == "llama") out.floats("tokenizer.ggml.scores", scores);
  return out;
}

// <unk> <s> </s>, a token of the user, the bytes from 4, then pieces from 260.
std::vector<token> pieces_of(std::initializer_list<token> more) {
  std::vector<token> tokens{{"<unk>", 0, 2}, {"<s>", 0, 3}, {"</s>", 0, 3}, {"<tool>", 0, 4}};
  for (unsigned b = 0; b < 256; ++b) tokens.push_back({byte_token_name(b), 0, 6});
  tokens.insert(tokens.end(), more);
  return tokens;
}

gguf_writer sentence_pieces(std::initializer_list<token> more = {
                                {"\u2581", -1, 1}, {"a", -2, 1}, {"b", -3, 1}, {"\u2581a", -4, 1}, {"ab", -5, 1}}) {
  gguf_writer out = with_tokens("llama", pieces_of(more));
  out.u32("tokenizer.ggml.bos_token_id", 1);
  out.u32("tokenizer.ggml.eos_token_id", 2);
  out.u32("tokenizer.ggml.unknown_token_id", 0);
  return out;
}

// The bytes are the tokens 0 to 255.
std::vector<token> byte_tokens() {
  std::vector<token> tokens;
  for (int b = 0; b < 256; ++b) {
    std::string character;
    append_byte_characters(character, std::string(1, static_cast<char>(b)));
    tokens.push_back({character, 0, 1});
  }
  return tokens;
}

// The bytes, then "ab" and its merge, a control token, one of the user's, and one without a text.
gguf_writer byte_level(std::string_view pre = "gpt-2") {
  std::vector<token> tokens = byte_tokens();
  tokens.push_back({"ab", 0, 1});
  tokens.push_back({"<|end|>", 0, 3});
  tokens.push_back({"\u00FC\u00FC", 0, 4});
  tokens.push_back({"", 0, 1});
  gguf_writer out = with_tokens("gpt2", tokens);
  out.texts("tokenizer.ggml.merges", std::vector<std::string>{"a b"});
  if (!pre.empty()) out.text("tokenizer.ggml.pre", pre);
  out.u32("tokenizer.ggml.eos_token_id", 257);
  return out;
}

BOOST_AUTO_TEST_SUITE(gguf)

BOOST_AUTO_TEST_CASE(scores_decide_what_merges) {
  auto t = made(sentence_pieces());
  // " ab": the pair of mark and a has the higher score.
  BOOST_TEST(encoded(*t, "ab") == (ids{263, 262}), boost::test_tools::per_element());
  BOOST_TEST(encoded(*t, "a b") == (ids{263, 260, 262}), boost::test_tools::per_element());
  BOOST_TEST(encoded(*t, "bab") == (ids{260, 262, 264}), boost::test_tools::per_element());
  // What the vocabulary lacks is spelled in bytes; the space that was put before the text goes again.
  BOOST_TEST(encoded(*t, "\u00E9") == (ids{260, 4 + 0xC3, 4 + 0xA9}), boost::test_tools::per_element());
  BOOST_TEST(t->decode(encoded(*t, "a \u00E9 b"), true) == "a \u00E9 b");
}

BOOST_AUTO_TEST_CASE(kinds_decide_what_text_may_become) {
  auto t = made(sentence_pieces());
  BOOST_TEST(encoded(*t, "<s>") == ids{1}, boost::test_tools::per_element());
  BOOST_TEST(encoded(*t, "<s>", false, special_tokens::as_text).size() > 1U);
  BOOST_TEST(encoded(*t, "<tool>", false, special_tokens::as_text) == ids{3}, boost::test_tools::per_element());
  // The name of a byte is text.
  BOOST_TEST(encoded(*t, "<0x41>").size() > 1U);
  BOOST_TEST(t->is_special(0));
  BOOST_TEST(!t->is_special(3));
  auto unused = made(sentence_pieces({{"\u2581", -1, 1}, {"a", -2, 1}, {"\u2581a", -3, 5}}));
  BOOST_TEST(encoded(*unused, "a") == (ids{260, 261}), boost::test_tools::per_element());
  BOOST_TEST(!unused->contains(262));
}

BOOST_AUTO_TEST_CASE(flags_decide_what_stands_around_a_text) {
  BOOST_TEST(encoded(*made(sentence_pieces()), "a", true) == (ids{1, 263}), boost::test_tools::per_element());
  gguf_writer both = sentence_pieces();
  both.flag("tokenizer.ggml.add_bos_token", false);
  both.flag("tokenizer.ggml.add_eos_token", true);
  BOOST_TEST(encoded(*made(both), "a", true) == (ids{263, 2}), boost::test_tools::per_element());
  gguf_writer no_space = sentence_pieces();
  no_space.flag("tokenizer.ggml.add_space_prefix", false);
  BOOST_TEST(encoded(*made(no_space), "a") == ids{261}, boost::test_tools::per_element());
  BOOST_TEST(made(no_space)->decode(ids{263}, true) == " a");
  BOOST_TEST(encoded(*made(byte_level()), "x", true).size() == 1U);
  gguf_writer no_bos = byte_level();
  no_bos.flag("tokenizer.ggml.add_bos_token", true);
  BOOST_TEST(refused(no_bos, errc::corrupt, "there is no bos_token"));
}

BOOST_AUTO_TEST_CASE(merges_work_on_bytes) {
  auto t = made(byte_level());
  BOOST_TEST(encoded(*t, "abc<|end|>") == (ids{256, 'c', 257}), boost::test_tools::per_element());
  BOOST_TEST(encoded(*t, "\u00FC\u00FC") == ids{258}, boost::test_tools::per_element());
  BOOST_TEST(t->decode(ids{256, 258, 0xC3, 0xA9}, false) == "ab\u00FC\u00FC\u00E9");
  BOOST_TEST(!t->contains(259));  // without a text
  BOOST_TEST(t->eos().value() == 257U);
}

BOOST_AUTO_TEST_CASE(words_are_split_as_the_name_says) {
  // Into how many tokens, where the digits 1234 would merge into one.
  const auto merged = [](std::string_view pre, std::string_view text) {
    std::vector<token> tokens = byte_tokens();
    for (const char* digits : {"12", "123", "1234"}) tokens.push_back({digits, 0, 1});
    gguf_writer out = with_tokens("gpt2", tokens);
    out.texts("tokenizer.ggml.merges", std::vector<std::string>{"1 2", "12 3", "123 4"});
    out.text("tokenizer.ggml.pre", pre);
    return encoded(*made(out), text).size();
  };
  BOOST_TEST(merged("gpt-2", "1234") == 1U);
  BOOST_TEST(merged("llama-bpe", "1234") == 2U);
  BOOST_TEST(merged("qwen2", "1234") == 4U);
  BOOST_TEST(merged("smollm", "1234") == 4U);
  BOOST_TEST(merged("deepseek-llm", "1234") == 4U);
  // Qwen2 composes characters first: e and an accent are one character of two bytes.
  BOOST_TEST(merged("qwen2", "e\u0301") == 2U);
  BOOST_TEST(merged("gpt-2", "e\u0301") == 3U);
}

BOOST_AUTO_TEST_CASE(every_named_way_to_split_words_makes_a_tokenizer) {
  const std::string names = known_word_splits() + ", ";
  size_t count = 0;
  for (size_t at = 0; at < names.size(); ++count) {
    const size_t end = names.find(", ", at);
    auto t = made(byte_level(names.substr(at, end - at)));
    BOOST_TEST(t->decode(encoded(*t, "It's 1234 \u4E2D\u6587\r\n  x"), true) == "It's 1234 \u4E2D\u6587\r\n  x");
    at = end + 2;
  }
  BOOST_TEST(count >= 5U);
}

BOOST_AUTO_TEST_CASE(what_we_do_not_know_is_refused_by_name) {
  BOOST_TEST(refused(gguf_writer(), errc::corrupt, "the file has no tokenizer"));
  BOOST_TEST(refused(with_tokens("t5", {}), errc::not_supported, "tokenizer.ggml.model is \"t5\""));
  BOOST_TEST(refused(byte_level("falcon"), errc::not_supported, "tokenizer.ggml.pre is \"falcon\"; known are gpt-2, "));
  BOOST_TEST(refused(byte_level(""), errc::not_supported, "tokenizer.ggml.pre is missing"));
  gguf_writer charsmap = sentence_pieces();
  charsmap.text("tokenizer.ggml.precompiled_charsmap", "x");
  BOOST_TEST(refused(charsmap, errc::not_supported, "precompiled_charsmap"));
  gguf_writer extra = sentence_pieces();
  extra.flag("tokenizer.ggml.remove_extra_whitespaces", true);
  BOOST_TEST(refused(extra, errc::not_supported, "remove_extra_whitespaces"));
}

BOOST_AUTO_TEST_CASE(damaged_vocabularies_are_refused) {
  const auto llama = [](std::initializer_list<token> more) { return sentence_pieces(more); };
  BOOST_TEST(refused(llama({{"a", 0, 1}, {"a", 0, 1}}), errc::corrupt, "has two ids, 260 and 261"));
  BOOST_TEST(refused(llama({{"\xFF", 0, 1}}), errc::corrupt, "token 260 is not UTF-8"));
  BOOST_TEST(refused(llama({{"a", NAN, 1}}), errc::corrupt, "token 260 has no score"));
  BOOST_TEST(refused(llama({{"a", 0, 7}}), errc::corrupt, "token 260 is of the unknown kind 7"));
  BOOST_TEST(refused(llama({{"x41", 0, 6}}), errc::corrupt, "token 260 must be a byte such as <0x0A>"));
  BOOST_TEST(refused(with_tokens("llama", {}), errc::corrupt, "tokenizer.ggml.tokens is missing"));
  gguf_writer no_scores;
  no_scores.text("tokenizer.ggml.model", "llama");
  no_scores.texts("tokenizer.ggml.tokens", std::vector<std::string>{"a"});
  BOOST_TEST(refused(no_scores, errc::corrupt, "tokenizer.ggml.scores is missing"));
  no_scores.floats("tokenizer.ggml.scores", std::vector<float>{1, 2});
  BOOST_TEST(refused(no_scores, errc::corrupt, "there are 1 tokens, but tokenizer.ggml.scores has 2"));
  gguf_writer no_merges = with_tokens("gpt2", {{"a", 0, 1}});
  no_merges.text("tokenizer.ggml.pre", "gpt-2");
  BOOST_TEST(refused(no_merges, errc::corrupt, "tokenizer.ggml.merges is missing"));
  no_merges.texts("tokenizer.ggml.merges", std::vector<std::string>{"a b"});
  BOOST_TEST(refused(no_merges, errc::corrupt, "its tokenizer: model.merges[0] names \"b\""));
  gguf_writer far = with_tokens("llama", pieces_of({}));
  far.u32("tokenizer.ggml.bos_token_id", 1000);
  BOOST_TEST(refused(far, errc::corrupt, "tokenizer.ggml.bos_token_id is 1000"));
}

BOOST_AUTO_TEST_CASE(the_bundled_models_tokenizer_is_the_same_from_a_gguf_file) {
  const std::string folder = test::source_folder() + "/models/troupe-tiny";
  const test::temporary_folder out;
  test::write_gguf_model(folder, {.type = dtype::q4_0}, out / "tiny.gguf");
  auto theirs = tokenizer::load(folder), ours = tokenizer::load(out / "tiny.gguf");
  BOOST_REQUIRE_MESSAGE(ours, (ours ? "" : ours.err().message()));
  BOOST_TEST((*ours)->vocab_size() == (*theirs)->vocab_size());
  BOOST_TEST((*ours)->bos_token() == (*theirs)->bos_token());
  BOOST_TEST((*ours)->eos_token() == (*theirs)->eos_token());
  text_source source(3);
  for (int i = 0; i < 200; ++i) {
    const std::string text = source.next(60) + (i % 3 == 0 ? "<|end|>" : "");
    const ids expected = encoded(**theirs, text, true);
    BOOST_TEST(encoded(**ours, text, true) == expected, boost::test_tools::per_element());
    BOOST_TEST((*ours)->decode(expected, false) == (*theirs)->decode(expected, false));
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace troupe
