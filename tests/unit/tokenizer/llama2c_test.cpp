#include "shards/tokenizer/llama2c_tokenizer.hpp"

#include <boost/test/unit_test.hpp>
#include <cstring>
#include <iostream>
#include <map>

#include "base/utf8.hpp"
#include "tests/support/test_data.hpp"
#include "tests/unit/tokenizer/support.hpp"

namespace troupe {
namespace {

using namespace testing;
using ids = std::vector<token_id>;

std::span<const std::byte> bytes_of(const std::string& text) { return std::as_bytes(std::span(text)); }

template <class T>
void append(std::string& out, T value) {
  char raw[sizeof(T)];
  std::memcpy(raw, &value, sizeof(T));
  out.append(raw, sizeof(T));
}

std::string file_of(const std::vector<scored_token>& tokens) {
  std::string file;
  append(file, int32_t{16});
  for (const auto& token : tokens) {
    append(file, token.score);
    append(file, static_cast<int32_t>(token.text.size()));
    file += token.text;
  }
  return file;
}

// <unk>, <s>, </s> as llama2.c writes them, the bytes, and these.
std::vector<scored_token> small_vocabulary(std::initializer_list<scored_token> more = {}) {
  std::vector<scored_token> tokens{{"<unk>", 0}, {"\n<s>\n", 0}, {"\n</s>\n", 0}};
  static constexpr char digits[] = "0123456789ABCDEF";
  for (unsigned b = 0; b < 256; ++b) tokens.push_back({std::string("<0x") + digits[b >> 4] + digits[b & 15] + ">", 0});
  tokens.insert(tokens.end(), more);
  return tokens;
}

std::shared_ptr<const tokenizer> from_file(const std::string& file, uint32_t vocab_size) {
  auto made = tokenizer_json_from_llama2c(bytes_of(file), vocab_size);
  BOOST_REQUIRE_MESSAGE(made, (made ? "" : made.err().message()));
  return parsed(*made, {.bos_token = "<s>", .eos_token = "</s>", .add_bos = {}, .add_eos = {}, .added_tokens = {}});
}

// What run.c of llama2.c does with a text, without its bos: the definition to compare with.
class llama2c_reference {
 public:
  llama2c_reference(const std::string& file, size_t vocab_size) {
    size_t at = 4;
    for (token_id id = 0; id < vocab_size; ++id) {
      scored_token token;
      int32_t length = 0;
      std::memcpy(&token.score, file.data() + at, 4);
      std::memcpy(&length, file.data() + at + 4, 4);
      token.text = file.substr(at + 8, static_cast<size_t>(length));
      at += 8 + static_cast<size_t>(length);
      by_text_.emplace(token.text, id);
      tokens_.push_back(std::move(token));
    }
  }

  ids encode(std::string_view text) const {
    ids out;
    if (text.empty()) return out;
    out.push_back(by_text_.at(" "));
    for (size_t at = 0; at < text.size();) {
      auto character = text.substr(at, utf8_length(text.substr(at)));
      at += character.size();
      if (auto found = by_text_.find(std::string(character)); found != by_text_.end()) {
        out.push_back(found->second);
      } else {
        for (char c : character) out.push_back(static_cast<unsigned char>(c) + 3U);
      }
    }
    while (true) {
      float best = -1e10F;
      size_t best_at = out.size();
      token_id best_id = 0;
      for (size_t i = 0; i + 1 < out.size(); ++i) {
        auto found = by_text_.find(tokens_[out[i]].text + tokens_[out[i + 1]].text);
        if (found != by_text_.end() && tokens_[found->second].score > best) {
          best = tokens_[found->second].score;
          best_at = i;
          best_id = found->second;
        }
      }
      if (best_at == out.size()) return out;
      out[best_at] = best_id;
      out.erase(out.begin() + static_cast<long>(best_at) + 1);
    }
  }

 private:
  std::vector<scored_token> tokens_;
  std::map<std::string, token_id> by_text_;
};

std::vector<std::string> texts_to_compare(bool runs_of_spaces) {
  std::vector<std::string> texts{
      "", " ", "Once upon a time, there was a little girl", "\n", "caf\u00E9 \u4E2D\u6587 \U0001F999", "a  b   c    d"};
  text_source source(5);
  static constexpr std::string_view words[] = {"the",  " ", " a",  "little", "ing", "s",    "\n", "\u00E9",
                                               " the", ".", "tim", "e",      "aaa", "Lily", "1"};
  for (int i = 0; i < 400; ++i) {
    std::string text;
    for (size_t n = source.below(25); n > 0; --n) text += words[source.below(std::size(words))];
    texts.push_back(text);
  }
  if (runs_of_spaces) {
    for (size_t n = 1; n <= 70; ++n) texts.push_back(std::string(n, ' ') + "x" + std::string(n / 2, ' '));
  }
  return texts;
}

void compare_with_reference(const std::string& file, uint32_t vocab_size) {
  auto t = from_file(file, vocab_size);
  llama2c_reference reference(file, vocab_size);
  for (const auto& text : texts_to_compare(true)) {
    BOOST_TEST_CONTEXT("'" << text << "'") {
      auto tokens = encoded(*t, text);
      BOOST_TEST(tokens == reference.encode(text), boost::test_tools::per_element());
      BOOST_TEST(t->decode(tokens, true) == text);
    }
  }
}

BOOST_AUTO_TEST_SUITE(llama2c)

BOOST_AUTO_TEST_CASE(the_highest_score_merges_first) {
  auto file = file_of(
      small_vocabulary({{" ", -9}, {"a", -9}, {"b", -9}, {"c", -9}, {"ab", -2}, {"bc", -1}, {"abc", -3}, {" a", -5}}));
  auto t = from_file(file, 267);
  BOOST_TEST(encoded(*t, "abc") == llama2c_reference(file, 267).encode("abc"), boost::test_tools::per_element());
  BOOST_TEST(encoded(*t, "abc", true).front() == 1U);
  BOOST_TEST(t->decode(encoded(*t, "ab c"), true) == "ab c");
  BOOST_TEST(t->find("\u2581a").value() == 266U);
}

BOOST_AUTO_TEST_CASE(stories260k_is_tokenized_as_by_llama2c) {
  const auto data = test::data_folder();
  if (!data) return;
  compare_with_reference(text_file(*data + "/weights/stories260K/tokenizer.bin"), 512);
}

BOOST_AUTO_TEST_CASE(llama2_is_tokenized_as_by_llama2c) {
  const auto data = test::data_folder();
  if (!data) return;
  compare_with_reference(text_file(*data + "/tokenizers/llama2_32k/tokenizer.bin"), 32000);
}

// The same vocabulary in both forms must give the same ids on published texts. By design they may differ for runs of
// more than 16 spaces, which Llama 2 merges all with one score: llama2.c grows the leftmost run, the Hugging Face file
// pairs them up.
BOOST_AUTO_TEST_CASE(llama2_agrees_with_the_hugging_face_file) {
  const auto data = test::data_folder();
  if (!data) return;
  auto made = from_file(text_file(*data + "/tokenizers/llama2_32k/tokenizer.bin"), 32000);
  auto theirs = parsed(json_file(*data + "/tokenizers/swift-transformers/vocabs/llama_tokenizer.json"));
  std::vector<std::string> texts = texts_to_compare(false);
  auto inputs = json_file(*data + "/tokenizers/swift-transformers/multilingual_83/inputs.json");
  for (const auto& input : inputs.as_array()) {
    texts.emplace_back(input.at("text").as_string());
  }
  for (size_t n = 1; n <= 16; ++n) texts.emplace_back(n, ' ');
  for (const auto& text : texts)
    BOOST_TEST(encoded(*made, text, true) == encoded(*theirs, text, true), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(damaged_files_are_refused) {
  auto message = [](const std::string& file, uint32_t vocab_size) {
    auto made = tokenizer_json_from_llama2c(bytes_of(file), vocab_size);
    BOOST_REQUIRE(!made);
    BOOST_TEST((made.err().code == errc::corrupt));
    return made.err().message();
  };
  auto file = file_of(small_vocabulary({{"a", -1}}));
  BOOST_TEST(message("", 260) == "tokenizer.bin ends at byte 0, within a token");
  BOOST_TEST(message(file.substr(0, file.size() - 1), 260) == "tokenizer.bin ends within token 259 of 260");
  BOOST_TEST(message(file.substr(0, file.size() - 5), 260).find("within a token") != std::string::npos);
  BOOST_TEST(message(file, 261).find("within a token") != std::string::npos);
  BOOST_TEST(message(file, 259).find("goes on after its 259 tokens") != std::string::npos);
  BOOST_TEST(message(file_of({{"a", 0}}), 1).find("lacks the bytes") != std::string::npos);
  BOOST_TEST(message(file_of(small_vocabulary({{"a", 0}, {"a", 0}})), 261) ==
             "tokenizer.bin: the token \"a\" has two ids, 259 and 260");
  BOOST_TEST(message(file_of(small_vocabulary({{"\xFF", 0}})), 260) ==
             "tokenizer.bin: the token with the id 259 is not UTF-8");
  BOOST_TEST(message(file_of(small_vocabulary({{"a", std::numeric_limits<float>::quiet_NaN()}})), 260) ==
             "tokenizer.bin: token 259 has no score");
  BOOST_TEST(message(file_of(small_vocabulary({{"", 0}})), 260) == "tokenizer.bin: token 259 is empty");
  auto wrong_byte = small_vocabulary();
  wrong_byte[100].text = "x";
  BOOST_TEST(message(file_of(wrong_byte), 259) == "tokenizer.bin: token 100 must be the byte <0x61>");
  auto huge = file_of({{"a", 0}});
  huge[11] = 0x7F;  // the highest byte of the first length
  BOOST_TEST(message(huge, 1) == "tokenizer.bin: token 0 is longer than 1024 bytes");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace troupe
