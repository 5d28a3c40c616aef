// Files that are wrong in one way each: the error must say which.
#include <boost/json/serialize.hpp>
#include <boost/test/unit_test.hpp>
#include <filesystem>
#include <fstream>

#include "tests/unit/tokenizer/support.hpp"

namespace troupe {
namespace {

using namespace testing;
namespace json = boost::json;

json::object& model_of(json::object& file) { return file["model"].as_object(); }

void test_refusal(const json::value& file, errc code, std::string_view message) {
  auto t = tokenizer::parse(file);
  BOOST_REQUIRE_MESSAGE(!t, "was accepted; expected: " << message);
  BOOST_TEST((t.err().code == code));
  BOOST_TEST(t.err().message() == "tokenizer.json: " + std::string(message));
}

// One change to a small file that is fine.
template <class Change>
void test_change(Change change, errc code, std::string_view message) {
  auto file = byte_level_json({"a b"});
  change(file);
  test_refusal(file, code, message);
}

BOOST_AUTO_TEST_SUITE(bad_files)

BOOST_AUTO_TEST_CASE(what_a_model_lacks_is_named) {
  test_refusal(json::array(), errc::corrupt, "must be an object");
  test_change([](auto& f) { f.erase("model"); }, errc::corrupt, "model must be an object");
  test_change([](auto& f) { model_of(f).erase("merges"); }, errc::corrupt, "model.merges is missing");
  test_change([](auto& f) { model_of(f).erase("vocab"); }, errc::corrupt, "model.vocab is missing");
  test_change([](auto& f) { model_of(f)["merges"] = "a b"; }, errc::corrupt, "model.merges must be an array");
  test_change([](auto& f) { model_of(f)["vocab"] = json::array(); }, errc::corrupt, "model.vocab must be an object");
}

BOOST_AUTO_TEST_CASE(merges_must_be_pairs_of_tokens) {
  auto with = [](json::value merge) {
    return [merge](json::object& f) { model_of(f)["merges"].as_array().push_back(merge); };
  };
  constexpr std::string_view pair = "model.merges[1] must be two tokens, \"a b\" or [\"a\", \"b\"]";
  test_change(with("ab"), errc::corrupt, pair);
  test_change(with("a b c"), errc::corrupt, pair);
  test_change(with(7), errc::corrupt, pair);
  test_change(with(json::array{"a"}), errc::corrupt, pair);
  test_change(with(json::array{"a", 1}), errc::corrupt, pair);
  test_change(with("a xyz"), errc::corrupt, "model.merges[1] names \"xyz\", which is not in the vocabulary");
  test_change(with("b a"), errc::corrupt, "model.merges[1] names \"ba\", which is not in the vocabulary");
}

BOOST_AUTO_TEST_CASE(ids_must_be_whole_small_and_unique) {
  auto with = [](json::value id) { return [id](json::object& f) { model_of(f)["vocab"].as_object()["new"] = id; }; };
  constexpr std::string_view range = "model.vocab: the id of \"new\" must be a whole number from 0 to 4194303";
  test_change(with(-1), errc::corrupt, range);
  test_change(with(1.5), errc::corrupt, range);
  test_change(with("1"), errc::corrupt, range);
  test_change(with(nullptr), errc::corrupt, range);
  test_change(with(int64_t{1} << 31), errc::corrupt, range);
  test_change(with((int64_t{1} << 32) + 1), errc::corrupt, range);
  test_change(with(1 << 22), errc::corrupt, range);
  test_change(with(97), errc::corrupt, "model.vocab: the token \"new\" and the token \"a\" have the same id 97");
}

BOOST_AUTO_TEST_CASE(what_is_not_supported_is_named) {
  constexpr auto no = errc::not_supported;
  test_change([](auto& f) { model_of(f)["type"] = "Unigram"; }, no,
              "model type \"Unigram\" is not supported (only BPE is)");
  test_change([](auto& f) { model_of(f)["dropout"] = 0.1; }, no,
              "model.dropout other than 0 is not supported: encoding would be random");
  test_change([](auto& f) { model_of(f)["end_of_word_suffix"] = "</w>"; }, no,
              "model.end_of_word_suffix \"</w>\" is not supported");
  test_change([](auto& f) { model_of(f)["cache"] = 1; }, no, "model: the member \"cache\" is not supported");
  test_change([](auto& f) { f["extra"] = 1; }, no, "the member \"extra\" is not supported");
  test_change([](auto& f) { f["version"] = "2.0"; }, no, "version \"2.0\" is not supported");
  test_change(
      [](auto& f) {
        f["pre_tokenizer"] = {{"type", "BertPreTokenizer"}};
      },
      no, "pre_tokenizer: pre_tokenizer type \"BertPreTokenizer\" is not supported");
  test_change(
      [](auto& f) {
        f["decoder"] = {{"type", "WordPiece"}};
      },
      no, "decoder: decoder type \"WordPiece\" is not supported");
  auto decoders = [](json::array list) {
    return [list](json::object& f) { f["decoder"] = {{"type", "Sequence"}, {"decoders", list}}; };
  };
  json::object strip{{"type", "Strip"}, {"content", " "}, {"start", 1}, {"stop", 0}};
  json::object fuse{{"type", "Fuse"}};
  json::object fallback{{"type", "ByteFallback"}};
  test_change(decoders({fuse, strip, strip}), no, "decoder.decoders[2]: a second Strip is not supported");
  test_change(decoders({fallback, strip}), no, "decoder.decoders[1]: a Strip of single bytes is not supported");
  test_change(decoders({fuse, fallback}), no,
              "decoder.decoders[1]: a decoder \"ByteFallback\" after bytes or tokens were joined is not supported");
}

BOOST_AUTO_TEST_CASE(members_of_the_wrong_type_are_named) {
  test_change([](auto& f) { model_of(f)["byte_fallback"] = 1; }, errc::corrupt,
              "model.byte_fallback must be a boolean");
  test_change([](auto& f) { model_of(f)["unk_token"] = "?!"; }, errc::corrupt,
              "model.unk_token \"?!\" is not in the vocabulary");
  test_change([](auto& f) { f["added_tokens"] = 1; }, errc::corrupt, "added_tokens must be an array");
  test_change([](auto& f) { f["added_tokens"].as_array()[0] = 1; }, errc::corrupt, "added_tokens[0] must be an object");
  test_change([](auto& f) { f["decoder"] = "ByteLevel"; }, errc::corrupt, "decoder must be an object");
}

BOOST_AUTO_TEST_CASE(added_tokens_must_agree_with_the_vocabulary) {
  auto with = [](json::value id, std::string_view content) {
    return [id, content](json::object& f) {
      f["added_tokens"].as_array().push_back({{"id", id}, {"content", content}});
    };
  };
  test_change(with(97, "x"), errc::corrupt, "the added token \"x\" with the id 97 contradicts model.vocab");
  test_change(with(300, "ab"), errc::corrupt, "the added token \"ab\" with the id 300 contradicts model.vocab");
  test_change(with(300, ""), errc::corrupt, "added_tokens[1]: an added token has no text");
  test_change(with(257, "x"), errc::corrupt, "added_tokens[1]: the added token \"x\" has the id of \"<|end|>\", 257");
  test_change(with(300, "<|end|>"), errc::corrupt, "added_tokens[1]: \"<|end|>\" is there already");
  test_change(with(int64_t{1} << 40, "x"), errc::corrupt, "added_tokens[1].id must be from 0 to 4194303");
  test_change(with(nullptr, "x"), errc::corrupt, "added_tokens[1].id is missing");
  test_change(with(300, std::string(257, 'x')), errc::corrupt,
              "added_tokens[1]: the added token \"" + std::string(100, 'x') + "\" is longer than 256 bytes");
}

BOOST_AUTO_TEST_CASE(control_tokens_of_the_options_must_exist) {
  tokenizer_options options;
  options.eos_token = "<eos>";
  BOOST_TEST(refusal(byte_level_json(), options) == "tokenizer.json: eos_token \"<eos>\" is not in the vocabulary");
  options = {};
  options.add_bos = true;
  BOOST_TEST(refusal(byte_level_json(), options) == "tokenizer.json: add_bos_token is set, but there is no bos_token");
}

BOOST_AUTO_TEST_SUITE_END()

// A folder that goes with the test.
struct folder {
  std::filesystem::path path;
  folder() {
    std::string name = (std::filesystem::temp_directory_path() / "troupe-tokenizer-XXXXXX").string();
    BOOST_REQUIRE(mkdtemp(name.data()) != nullptr);
    path = name;
  }
  ~folder() { std::filesystem::remove_all(path); }
  void write(const std::string& name, const std::string& text) const { std::ofstream(path / name) << text; }
  void write(const std::string& name, const json::object& value) const { write(name, json::serialize(value)); }
};

BOOST_FIXTURE_TEST_SUITE(model_folders, folder)

BOOST_AUTO_TEST_CASE(a_folder_without_a_tokenizer_is_refused_with_its_name) {
  auto t = tokenizer::load(path.string());
  BOOST_REQUIRE(!t);
  BOOST_TEST((t.err().code == errc::io_failed));
  BOOST_TEST(t.err().message().find((path / "tokenizer.json").string()) == 0U);
}

BOOST_AUTO_TEST_CASE(the_config_names_the_control_tokens) {
  write("tokenizer.json", sentencepiece_json({"\u2581", "a"}, {}));
  write("tokenizer_config.json",
        R"({"bos_token":{"content":"<s>","lstrip":false},"eos_token":"</s>","add_bos_token":true,
                                     "tokenizer_class":"LlamaTokenizer"})");
  auto t = tokenizer::load(path.string());
  BOOST_REQUIRE_MESSAGE(t, (t ? "" : t.err().message()));
  BOOST_TEST((*t)->bos_token() == "<s>");
  BOOST_TEST((*t)->eos().value() == 2U);
  BOOST_TEST(encoded(**t, "a", true) == (std::vector<token_id>{1, 259, 260}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(classes_that_do_not_read_add_bos_token_do_not_here) {
  write("tokenizer.json", sentencepiece_json({"\u2581", "a"}, {}));
  write("tokenizer_config.json",
        R"({"bos_token":"<s>","add_bos_token":true,"tokenizer_class":"PreTrainedTokenizerFast"})");
  auto t = tokenizer::load(path.string());
  BOOST_REQUIRE(t);
  BOOST_TEST(encoded(**t, "a", true) == (std::vector<token_id>{259, 260}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(the_map_fills_in_what_the_config_lacks) {
  write("tokenizer.json", sentencepiece_json({"\u2581"}, {}));
  write("tokenizer_config.json", R"({"eos_token":"</s>"})");
  write("special_tokens_map.json", R"({"bos_token":"<s>","eos_token":"<unk>"})");
  auto t = tokenizer::load(path.string());
  BOOST_REQUIRE(t);
  BOOST_TEST((*t)->bos().value() == 1U);
  BOOST_TEST((*t)->eos().value() == 2U);
}

BOOST_AUTO_TEST_CASE(the_config_adds_tokens_and_redefines_them) {
  write("tokenizer.json", byte_level_json());
  write("tokenizer_config.json", R"({"added_tokens_decoder":{
      "256":{"content":"<|end|>","lstrip":true,"normalized":false,"rstrip":false,"single_word":false,"special":true},
      "300":{"content":"<|new|>","lstrip":false,"normalized":false,"rstrip":false,"single_word":false,"special":false}}})");
  auto t = tokenizer::load(path.string());
  BOOST_REQUIRE(t);
  BOOST_TEST(encoded(**t, "a <|end|><|new|>") == (std::vector<token_id>{'a', 256, 300}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(errors_name_the_file) {
  auto message = [&] {
    auto t = tokenizer::load(path.string());
    BOOST_REQUIRE(!t);
    BOOST_TEST((t.err().code == errc::corrupt));
    return t.err().message();
  };
  write("tokenizer.json", byte_level_json());
  write("tokenizer_config.json", "{");
  BOOST_TEST(message().find((path / "tokenizer_config.json").string() + ": invalid JSON") == 0U);
  write("tokenizer_config.json", "[]");
  BOOST_TEST(message() == (path / "tokenizer_config.json").string() + ": must be an object");
  write("tokenizer_config.json", R"({"bos_token":5})");
  BOOST_TEST(message() == (path / "tokenizer_config.json").string() + ": bos_token must be a string");
  write("tokenizer_config.json", R"({"added_tokens_decoder":{"x":{"content":"a"}}})");
  BOOST_TEST(message() ==
             (path / "tokenizer_config.json").string() + ": added_tokens_decoder.x: the key must be the id of a token");
  write("tokenizer_config.json", R"({"bos_token":"nothing"})");
  BOOST_TEST(message() == path.string() + ": tokenizer.json: bos_token \"nothing\" is not in the vocabulary");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace troupe
