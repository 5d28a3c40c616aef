// The cases that others published, with the ids and texts that their tokenizers gave. All of them must match; those
// that cannot by design are named here with the reason.
#include <boost/test/unit_test.hpp>
#include <filesystem>
#include <iostream>
#include <sstream>

#include "tests/support/test_data.hpp"
#include "tests/unit/tokenizer/support.hpp"

namespace troupe {
namespace {

using namespace testing;
namespace json = boost::json;

// Only after no_data() has been asked.
std::string published(const std::string& file) { return *test::data_folder() + "/tokenizers/" + file; }
bool no_data() { return !test::data_folder(); }

std::shared_ptr<const tokenizer> gpt2() {
  static auto t = parsed(json_file(published("swift-transformers/vocabs/gpt2_tokenizer.json")));
  return t;
}

std::shared_ptr<const tokenizer> llama() {
  static auto t = parsed(json_file(published("swift-transformers/vocabs/llama_tokenizer.json")));
  return t;
}

// One case: the ids both ways, and the text both ways, at once and as a stream.
void test_case(const std::shared_ptr<const tokenizer>& t, const std::string& name, std::string_view text,
               const std::vector<token_id>& ids, const std::string& with_special, const std::string& without_special) {
  BOOST_TEST_CONTEXT(name) {
    BOOST_TEST(encoded(*t, text, true) == ids, boost::test_tools::per_element());
    BOOST_TEST(t->decode(ids, false) == with_special);
    BOOST_TEST(t->decode(ids, true) == without_special);
    BOOST_TEST(streamed(t, ids, false) == with_special);
    BOOST_TEST(streamed(t, ids, true) == without_special);
  }
}

std::string text_of(const json::value& object, std::string_view key) { return std::string(object.at(key).as_string()); }

// {"text": ..., "token_ids": [...], "decoded_text": ...}: no bos, as the ids of the words alone.
void test_one_text(const std::shared_ptr<const tokenizer>& t, const std::string& file) {
  auto data = json_file(published(file));
  auto ids = ids_of(data.at("token_ids"));
  BOOST_TEST(encoded(*t, text_of(data, "text")) == ids, boost::test_tools::per_element());
  auto names = data.at("bpe_tokens").as_array();
  BOOST_REQUIRE(names.size() == ids.size());
  for (size_t i = 0; i < ids.size(); ++i) BOOST_TEST(t->find(names[i].as_string()).value() == ids[i]);
}

BOOST_AUTO_TEST_SUITE(published_cases)

BOOST_AUTO_TEST_CASE(gpt2_encodes_the_french_text) {
  if (no_data()) return;
  test_one_text(gpt2(), "swift-transformers/gpt2_encoded_tokens.json");
  auto data = json_file(published("swift-transformers/gpt2_encoded_tokens.json"));
  BOOST_TEST(gpt2()->decode(ids_of(data.at("token_ids")), false) == text_of(data, "text"));
}

BOOST_AUTO_TEST_CASE(llama_encodes_the_french_text) {
  if (no_data()) return;
  auto data = json_file(published("swift-transformers/llama_encoded.json"));
  BOOST_TEST(encoded(*llama(), text_of(data, "text"), true) == ids_of(data.at("token_ids")),
             boost::test_tools::per_element());
}

// 83 texts in many scripts, with the ids of transformers 4.57.1.
BOOST_AUTO_TEST_CASE(the_83_multilingual_texts_match) {
  if (no_data()) return;
  std::map<std::string, std::string> texts;
  auto inputs = json_file(published("swift-transformers/multilingual_83/inputs.json"));
  for (const auto& input : inputs.as_array()) {
    texts[text_of(input, "id")] = text_of(input, "text");
  }
  BOOST_TEST(texts.size() == 83U);
  for (auto [file, t] :
       {std::pair{"gpt2_multilingual.json", gpt2()}, std::pair{"tinyllama_multilingual.json", llama()}}) {
    auto cases = json_file(published(std::string("swift-transformers/multilingual_83/") + file));
    for (const auto& entry : cases.at("entries").as_array()) {
      std::string id = text_of(entry, "id");
      test_case(t, std::string(file) + ": " + id, texts.at(id), ids_of(entry.at("input_ids")),
                text_of(entry, "decoded_with_special"), text_of(entry, "decoded_skip_special"));
    }
  }
}

BOOST_AUTO_TEST_CASE(the_first_multilingual_texts_match) {
  if (no_data()) return;
  std::map<std::string, std::string> texts;
  auto inputs = json_file(published("swift-transformers/multilingual_v0/inputs.json"));
  for (const auto& input : inputs.at("inputs").as_array()) {
    texts[text_of(input, "id")] = text_of(input, "text");
  }
  for (auto [file, t] : {std::pair{"openai-community__gpt2.json", gpt2()},
                         std::pair{"TinyLlama__TinyLlama-1.1B-Chat-v1.0.json", llama()}}) {
    auto cases = json_file(published(std::string("swift-transformers/multilingual_v0/") + file));
    for (const auto& [id, entry] : cases.at("entries").as_object()) {
      test_case(t, std::string(file) + ": " + std::string(id), texts.at(std::string(id)), ids_of(entry.at("input_ids")),
                text_of(entry, "decoded_with_special"), text_of(entry, "decoded_skip_special"));
    }
  }
}

// The edge cases of transformers.js, for the vocabularies that we have. One text of GPT-2's cannot come back as
// published: the transformers library cleans up spaces before punctuation there ("clean_up_tokenization_spaces"), which
// a stream could not do, since it has sent the space when the "!" comes. Here the text comes back as it was.
BOOST_AUTO_TEST_CASE(the_edge_cases_match) {
  if (no_data()) return;
  auto data = json_file(published("swift-transformers/tokenizer_tests.json"));
  const std::string cleaned_up = "A\n'll !!to?'d''d of, can't.";
  for (bool is_gpt2 : {true, false}) {
    std::string model = is_gpt2 ? "distilgpt2" : "coreml-projects/Llama-2-7b-chat-coreml";
    for (const auto& entry : data.at(model).as_array()) {
      std::string text = text_of(entry, "input");
      bool as_it_was = is_gpt2 && text == cleaned_up;
      if (as_it_was) BOOST_TEST(text_of(entry, "decoded_with_special") == "A\n'll!!to?'d''d of, can't.");
      test_case(is_gpt2 ? gpt2() : llama(), model + ": " + text, text, ids_of(entry.at("encoded").at("input_ids")),
                as_it_was ? text : text_of(entry, "decoded_with_special"),
                as_it_was ? text : text_of(entry, "decoded_without_special"));
    }
  }
}

// llama.cpp's test texts and the ids that the Hugging Face tokenizers gave for them; no bos.
void test_ggml(const std::shared_ptr<const tokenizer>& t, const std::string& model) {
  std::string inputs = text_file(published("ggml-vocab/ggml-vocab-" + model + ".gguf.inp"));
  std::istringstream expected(text_file(published("ggml-vocab/ggml-vocab-" + model + ".gguf.out")));
  static const std::string separator = "\n__ggml_vocab_test__\n";
  size_t count = 0;
  for (size_t at = 0; at <= inputs.size(); ++count) {
    size_t end = inputs.find(separator, at);
    std::string text = inputs.substr(at, end == std::string::npos ? end : end - at);
    at = end == std::string::npos ? inputs.size() + 1 : end + separator.size();
    std::string line;
    // The last text ends the file; it has no line of ids where it is only what follows the last separator.
    if (!std::getline(expected, line)) break;
    std::istringstream numbers(line);
    std::vector<token_id> ids;
    for (token_id id = 0; numbers >> id;) ids.push_back(id);
    BOOST_TEST_CONTEXT(model << " text " << count << ": " << text) {
      BOOST_TEST(encoded(*t, text) == ids, boost::test_tools::per_element());
      BOOST_TEST(t->decode(encoded(*t, text), false) == text);
    }
  }
  BOOST_TEST(count >= 40U);
}

std::shared_ptr<const tokenizer> from_gguf(const std::string& model) {
  auto t = tokenizer::load(published("ggml-vocab/ggml-vocab-" + model + ".gguf"));
  BOOST_REQUIRE_MESSAGE(t, (t ? "" : t.err().message()));
  return *t;
}

BOOST_AUTO_TEST_CASE(the_ggml_texts_match_for_tokenizer_json) {
  if (no_data()) return;
  test_ggml(gpt2(), "gpt-2");
  test_ggml(llama(), "llama-spm");
}

BOOST_AUTO_TEST_CASE(the_ggml_texts_match_for_gguf_vocabularies) {
  if (no_data()) return;
  for (const std::string model : {"gpt-2", "deepseek-llm", "llama-spm", "phi-3"}) test_ggml(from_gguf(model), model);
  // Their ids are published without their vocabularies; who has those may put them there.
  for (const std::string model : {"llama-bpe", "qwen2"}) {
    if (!std::filesystem::exists(published("ggml-vocab/ggml-vocab-" + model + ".gguf"))) {
      std::cout << "skipped: no vocabulary of " << model << '\n';
      continue;
    }
    test_ggml(from_gguf(model), model);
  }
}

BOOST_AUTO_TEST_CASE(a_gguf_vocabulary_is_the_one_of_the_folder_it_was_made_from) {
  if (no_data()) return;
  auto inputs = json_file(published("swift-transformers/multilingual_83/inputs.json"));
  for (const auto& [made, original] :
       {std::pair{from_gguf("gpt-2"), gpt2()}, std::pair{from_gguf("llama-spm"), llama()}}) {
    BOOST_TEST(made->vocab_size() == original->vocab_size());
    for (const auto& input : inputs.as_array()) {
      const std::string text = text_of(input, "text");
      const auto ids = encoded(*original, text);
      BOOST_TEST(encoded(*made, text) == ids, boost::test_tools::per_element());
      BOOST_TEST(streamed(made, ids, true) == original->decode(ids, true));
    }
  }
}

// Of a folder that has tokenizer.model and nothing else.
BOOST_AUTO_TEST_CASE(the_sentencepiece_model_of_llama2_gives_the_published_ids) {
  if (no_data()) return;
  auto made = tokenizer::load(published("llama2_32k"));
  BOOST_REQUIRE_MESSAGE(made, (made ? "" : made.err().message()));
  test_ggml(*made, "llama-spm");
  BOOST_TEST((*made)->eos().value() == 2U);
  auto inputs = json_file(published("swift-transformers/multilingual_83/inputs.json"));
  for (const auto& input : inputs.as_array()) {
    const std::string text = text_of(input, "text");
    BOOST_TEST(encoded(**made, text, true) == encoded(*llama(), text, true), boost::test_tools::per_element());
  }
}

BOOST_AUTO_TEST_CASE(control_tokens_of_gguf_vocabularies_are_in_their_places) {
  if (no_data()) return;
  auto llama2 = from_gguf("llama-spm");
  BOOST_TEST(llama2->bos().value() == 1U);
  BOOST_TEST(llama2->eos().value() == 2U);
  BOOST_TEST(encoded(*llama2, "a", true) == (std::vector<token_id>{1, 263}), boost::test_tools::per_element());
  BOOST_TEST(llama2->is_special(0));
  BOOST_TEST(encoded(*llama2, "</s>") == (std::vector<token_id>{2}), boost::test_tools::per_element());
  BOOST_TEST(encoded(*llama2, "</s>", false, special_tokens::as_text).size() > 1U);

  auto deepseek = from_gguf("deepseek-llm");
  BOOST_TEST(encoded(*deepseek, "", true) == (std::vector<token_id>{100000}), boost::test_tools::per_element());
  // A token that was added as plain text, not in the alphabet for bytes.
  BOOST_TEST(deepseek->decode(encoded(*deepseek, "\u00F8"), false) == "\u00F8");

  // Phi-3's <|user|> takes the line end after it, its <|endoftext|> does not.
  auto phi3 = from_gguf("phi-3");
  BOOST_TEST(encoded(*phi3, "<|user|>\n<|end|>") == (std::vector<token_id>{32010, 32007}),
             boost::test_tools::per_element());
  BOOST_TEST(encoded(*phi3, "<|endoftext|>\n").size() > 1U);
  BOOST_TEST(phi3->eos().value() == 32000U);
}

BOOST_AUTO_TEST_CASE(a_vocabulary_of_another_kind_is_refused_by_name) {
  if (no_data()) return;
  auto bert = tokenizer::load(published("ggml-vocab/ggml-vocab-bert-bge.gguf"));
  BOOST_REQUIRE(!bert);
  BOOST_TEST((bert.err().code == errc::not_supported));
  BOOST_TEST(bert.err().detail.ends_with(
      "ggml-vocab-bert-bge.gguf: tokenizer.ggml.model is \"bert\"; only llama and gpt2 are supported"));
}

// Whisper's English models have GPT-2's words, with control tokens of their own around them: two before, one after.
BOOST_AUTO_TEST_CASE(whisper_in_english_has_the_words_of_gpt2) {
  if (no_data()) return;
  const auto check = [](const std::string& text, std::vector<token_id> ids) {
    BOOST_REQUIRE(ids.size() >= 3);
    BOOST_TEST(ids.front() == 50257U);
    BOOST_TEST(encoded(*gpt2(), text) == std::vector<token_id>(ids.begin() + 2, ids.end() - 1),
               boost::test_tools::per_element());
  };
  auto text = json_file(published("swift-transformers/whisper_tiny_en_encoded.json"));
  check(text_of(text, "text"), ids_of(text.at("token_ids")));
  auto cases = json_file(published("swift-transformers/tokenizer_tests.json"));
  for (const auto& entry : cases.at("openai/whisper-tiny.en").as_array())
    check(text_of(entry, "input"), ids_of(entry.at("encoded").at("input_ids")));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace troupe
