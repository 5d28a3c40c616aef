// The cases that others published, with the ids and texts that their tokenizers gave. All of them must match; those
// that cannot by design are named here with the reason.
#include <boost/test/unit_test.hpp>
#include <sstream>

#include "tests/support/test_data.hpp"
#include "tests/unit/tokenizer/gguf.hpp"
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

BOOST_AUTO_TEST_CASE(the_ggml_texts_match_for_gpt2) {
  if (no_data()) return;
  test_ggml(gpt2(), "gpt-2");
  auto v = read_gguf_vocabulary(published("ggml-vocab/ggml-vocab-gpt-2.gguf"));
  test_ggml(parsed(byte_level_json(v, {{"type", "ByteLevel"}, {"add_prefix_space", false}})), "gpt-2");
}

BOOST_AUTO_TEST_CASE(the_ggml_texts_match_for_llama) {
  if (no_data()) return;
  test_ggml(llama(), "llama-spm");
}

BOOST_AUTO_TEST_CASE(the_ggml_texts_match_for_vocabularies_with_scores) {
  if (no_data()) return;
  for (const std::string model : {"llama-spm", "phi-3"}) {
    auto made = tokenizer_json_from_scores(
        scored_tokens(read_gguf_vocabulary(published("ggml-vocab/ggml-vocab-" + model + ".gguf"))));
    BOOST_REQUIRE_MESSAGE(made, (made ? "" : made.err().message()));
    test_ggml(parsed(*made), model);
  }
}

// DeepSeek's pre_tokenizer is a chain of regular expressions that no hand-written matcher covers. Its second one lists
// the cased letters one by one; here they are named by their category.
BOOST_AUTO_TEST_CASE(the_ggml_texts_match_for_a_chain_of_regular_expressions) {
  if (no_data()) return;
  json::array chain;
  for (std::string_view regex :
       {R"([\r\n])", R"(\s?[\p{Lu}\p{Ll}\p{Lt}]+)", "\\s?[!-/:-~\uFF01-\uFF0F\uFF1A-\uFF5E\u2018-\u201F\u3000-\u3002]+",
        R"(\s+$)", "[\u4E00-\u9FA5\u0800-\u4E00\uAC00-\uD7FF]+"}) {
    chain.push_back({{"type", "Split"}, {"pattern", {{"Regex", regex}}}, {"behavior", "Isolated"}, {"invert", false}});
  }
  chain.push_back({{"type", "Digits"}, {"individual_digits", true}});
  chain.push_back({{"type", "ByteLevel"}, {"add_prefix_space", false}, {"use_regex", false}});
  auto v = read_gguf_vocabulary(published("ggml-vocab/ggml-vocab-deepseek-llm.gguf"));
  test_ggml(parsed(byte_level_json(v, {{"type", "Sequence"}, {"pretokenizers", chain}})), "deepseek-llm");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace troupe
