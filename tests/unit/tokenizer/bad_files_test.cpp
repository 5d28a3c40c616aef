// Files that are wrong in one way each: the error must say which.
#include <boost/json/serialize.hpp>
#include <boost/test/unit_test.hpp>
#include <filesystem>

#include "base/utf8.hpp"
#include "tests/support/temporary_folder.hpp"
#include "tests/support/test_data.hpp"
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

struct folder : test::temporary_folder {
  using test::temporary_folder::write;
  void write(std::string_view name, const json::object& value) const { write(name, json::serialize(value)); }
};

BOOST_FIXTURE_TEST_SUITE(model_folders, folder)

BOOST_AUTO_TEST_CASE(a_folder_without_a_tokenizer_is_refused_with_its_name) {
  auto t = tokenizer::load(path());
  BOOST_REQUIRE(!t);
  BOOST_TEST((t.err().code == errc::io_failed));
  BOOST_TEST(t.err().message().find((*this / "tokenizer.json")) == 0U);
}

BOOST_AUTO_TEST_CASE(the_config_names_the_control_tokens) {
  write("tokenizer.json", sentencepiece_json({"\u2581", "a"}, {}));
  write("tokenizer_config.json",
        R"({"bos_token":{"content":"<s>","lstrip":false},"eos_token":"</s>","add_bos_token":true,
                                     "tokenizer_class":"LlamaTokenizer"})");
  auto t = tokenizer::load(path());
  BOOST_REQUIRE_MESSAGE(t, (t ? "" : t.err().message()));
  BOOST_TEST((*t)->bos_token() == "<s>");
  BOOST_TEST((*t)->eos().value() == 2U);
  BOOST_TEST(encoded(**t, "a", true) == (std::vector<token_id>{1, 259, 260}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(classes_that_do_not_read_add_bos_token_do_not_here) {
  write("tokenizer.json", sentencepiece_json({"\u2581", "a"}, {}));
  write("tokenizer_config.json",
        R"({"bos_token":"<s>","add_bos_token":true,"tokenizer_class":"PreTrainedTokenizerFast"})");
  auto t = tokenizer::load(path());
  BOOST_REQUIRE(t);
  BOOST_TEST(encoded(**t, "a", true) == (std::vector<token_id>{259, 260}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(the_map_fills_in_what_the_config_lacks) {
  write("tokenizer.json", sentencepiece_json({"\u2581"}, {}));
  write("tokenizer_config.json", R"({"eos_token":"</s>"})");
  write("special_tokens_map.json", R"({"bos_token":"<s>","eos_token":"<unk>"})");
  auto t = tokenizer::load(path());
  BOOST_REQUIRE(t);
  BOOST_TEST((*t)->bos().value() == 1U);
  BOOST_TEST((*t)->eos().value() == 2U);
}

BOOST_AUTO_TEST_CASE(the_config_adds_tokens_and_redefines_them) {
  write("tokenizer.json", byte_level_json());
  write("tokenizer_config.json", R"({"added_tokens_decoder":{
      "256":{"content":"<|end|>","lstrip":true,"normalized":false,"rstrip":false,"single_word":false,"special":true},
      "300":{"content":"<|new|>","lstrip":false,"normalized":false,"rstrip":false,"single_word":false,"special":false}}})");
  auto t = tokenizer::load(path());
  BOOST_REQUIRE(t);
  BOOST_TEST(encoded(**t, "a <|end|><|new|>") == (std::vector<token_id>{'a', 256, 300}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(errors_name_the_file) {
  auto message = [&] {
    auto t = tokenizer::load(path());
    BOOST_REQUIRE(!t);
    BOOST_TEST((t.err().code == errc::corrupt));
    return t.err().message();
  };
  write("tokenizer.json", byte_level_json());
  write("tokenizer_config.json", "{");
  BOOST_TEST(message().find((*this / "tokenizer_config.json") + ": invalid JSON") == 0U);
  write("tokenizer_config.json", "[]");
  BOOST_TEST(message() == (*this / "tokenizer_config.json") + ": must be an object");
  write("tokenizer_config.json", R"({"bos_token":5})");
  BOOST_TEST(message() == (*this / "tokenizer_config.json") + ": bos_token must be a string");
  write("tokenizer_config.json", R"({"added_tokens_decoder":{"x":{"content":"a"}}})");
  BOOST_TEST(message() ==
             (*this / "tokenizer_config.json") + ": added_tokens_decoder.x: the key must be the id of a token");
  write("tokenizer_config.json", R"({"bos_token":"nothing"})");
  BOOST_TEST(message() == path() + ": tokenizer.json: bos_token \"nothing\" is not in the vocabulary");
}

// What `troupe` prints: one line, that begins with the folder and names the file and the thing.
std::string one_line(const folder& model, errc code = errc::corrupt) {
  auto t = tokenizer::load(model.path());
  BOOST_REQUIRE(!t);
  BOOST_TEST((t.err().code == code));
  const std::string message = t.err().message();
  BOOST_TEST(message.starts_with(model.path()), message);
  BOOST_TEST(message.find("tokenizer.json") != std::string::npos, message);
  BOOST_TEST(message.find('\n') == std::string::npos, message);
  BOOST_TEST(is_utf8(message));
  BOOST_TEST(message.size() < 1000U);
  return message;
}

BOOST_AUTO_TEST_CASE(a_file_that_was_cut_off_anywhere_is_refused) {
  const std::string whole = text_file(test::source_folder() + "/models/troupe-tiny/tokenizer.json");
  for (size_t kept = 0; kept + 2 < whole.size(); kept += 1 + whole.size() / 40) {
    write("tokenizer.json", whole.substr(0, kept));
    BOOST_TEST(one_line(*this).find(": invalid JSON at line ") != std::string::npos);
  }
}

BOOST_AUTO_TEST_CASE(a_file_without_merges_is_refused) {
  auto file = byte_level_json();
  model_of(file).erase("merges");
  write("tokenizer.json", file);
  BOOST_TEST(one_line(*this).ends_with("tokenizer.json: model.merges is missing"));
}

BOOST_AUTO_TEST_CASE(a_file_of_fifty_megabytes_of_brackets_is_refused_at_once) {
  for (const std::string open : {"[", "{\"a\":"}) {
    std::string deep;
    while (deep.size() < 50 << 20) deep += open;
    write("tokenizer.json", deep);
    BOOST_TEST(one_line(*this).find("nested deeper than 64 levels") != std::string::npos);
  }
}

BOOST_AUTO_TEST_CASE(names_from_a_file_do_not_break_the_line) {
  auto file = byte_level_json();
  model_of(file)["merges"].as_array().push_back(json::array{"a", "x\ny\x1B"});
  write("tokenizer.json", file);
  BOOST_TEST(one_line(*this).find("names \"x\\x0Ay\\x1B\", which") != std::string::npos);
  // Cut within a character, and long.
  std::string long_name = "x";
  while (long_name.size() < 100'000) long_name += "\u00E9";
  file = byte_level_json();
  model_of(file)["merges"].as_array().push_back(json::array{"a", long_name});
  write("tokenizer.json", file);
  one_line(*this);
  file = byte_level_json();
  file["pre_tokenizer"].as_object()["type"] = long_name;
  write("tokenizer.json", file);
  one_line(*this, errc::not_supported);
}

BOOST_AUTO_TEST_CASE(what_is_no_file_or_too_large_is_refused_unread) {
  write("tokenizer.json", "{}");
  std::filesystem::resize_file(*this / "tokenizer.json", uint64_t{1} << 40);
  BOOST_TEST(one_line(*this).find("the file has 1099511627776 bytes, at most ") != std::string::npos);
  std::filesystem::remove(*this / "tokenizer.json");
  std::filesystem::create_directory(*this / "tokenizer.json");
  BOOST_TEST(one_line(*this).ends_with("tokenizer.json: not a regular file"));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace troupe
