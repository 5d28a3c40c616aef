#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/test/unit_test.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "shards/chat_template/chat_template.hpp"

namespace {

using namespace troupe;
namespace fs = std::filesystem;

result<chat_template_set> from(std::string_view config, std::optional<std::string> file = {}) {
  return chat_template_from_config(boost::json::parse(config).as_object(), std::move(file));
}

error error_of(const result<chat_template_set>& made) { return made ? error{errc::internal, "no error"} : made.err(); }

struct temporary_folder {
  fs::path path;
  temporary_folder() {
    std::string form = (fs::temp_directory_path() / "chat_template_XXXXXX").string();
    BOOST_REQUIRE(mkdtemp(form.data()));
    path = form;
  }
  ~temporary_folder() {
    std::error_code ignored;
    fs::remove_all(path, ignored);
  }
  void write(const char* name, std::string_view text) const { std::ofstream(path / name, std::ios::binary) << text; }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(chat_template_set_)

BOOST_AUTO_TEST_CASE(takes_the_one_template_for_every_request) {
  auto made = from(R"({"chat_template": "one"})");
  BOOST_REQUIRE(made);
  BOOST_TEST(made->choose(false).source() == "one");
  BOOST_TEST(made->choose(true).source() == "one");
}

BOOST_AUTO_TEST_CASE(takes_the_template_for_tools_when_there_are_tools) {
  auto made = from(R"({"chat_template": [{"name": "default", "template": "d"}, {"name": "tool_use", "template": "t"},
                       {"name": "rag", "template": "{{ not parsed"}]})");
  BOOST_REQUIRE(made);
  BOOST_TEST(made->choose(false).source() == "d");
  BOOST_TEST(made->choose(true).source() == "t");
}

BOOST_AUTO_TEST_CASE(a_file_comes_before_the_configuration) {
  auto made = from(R"({"chat_template": "one"})", "file");
  BOOST_REQUIRE(made);
  BOOST_TEST(made->choose(false).source() == "file");
}

BOOST_AUTO_TEST_CASE(gives_the_special_tokens_as_strings) {
  auto made = from(
      R"({"chat_template": "x", "bos_token": "<s>", "eos_token": {"content": "</s>", "lstrip": false}, "pad_token": null,
                       "additional_special_tokens": ["<a>", {"content": "<b>"}], "model_max_length": 5})");
  BOOST_REQUIRE(made);
  BOOST_TEST(
      boost::json::serialize(made->context()) ==
      R"({"bos_token":"<s>","eos_token":"</s>","additional_special_tokens":["<a>","<b>"],"tools":null,"documents":null})");
}

BOOST_AUTO_TEST_CASE(says_that_a_model_has_no_template) {
  BOOST_TEST((error_of(from("{}")) == error{errc::not_found, "the model has no chat template"}));
  BOOST_TEST((error_of(from(R"({"chat_template": [{"name": "rag", "template": "x"}]})")) ==
              error{errc::not_found, "the model has several chat templates and none is called default"}));
}

BOOST_AUTO_TEST_CASE(names_what_is_damaged) {
  BOOST_TEST(
      (error_of(from(R"({"chat_template": "{{ 1"})")) ==
       error{errc::corrupt, "chat_template: line 1: unexpected end of template, expected 'end of print statement'."}));
  BOOST_TEST((error_of(from(R"({"chat_template": [{"name": "tool_use", "template": "{% x %}"}]})")) ==
              error{errc::corrupt, "chat_template tool_use: line 1: Encountered unknown tag 'x'."}));
  BOOST_TEST((error_of(from(R"({"chat_template": 5})")) ==
              error{errc::corrupt, "chat_template must be a string or a list of templates"}));
  BOOST_TEST((error_of(from(R"({"chat_template": [5]})")).code == errc::corrupt));
  BOOST_TEST((error_of(from(R"({"chat_template": "x", "bos_token": 5})")) ==
              error{errc::corrupt, "bos_token must be a string"}));
  BOOST_TEST((error_of(from(R"({"chat_template": "x", "additional_special_tokens": [5]})")).code == errc::corrupt));
}

BOOST_AUTO_TEST_CASE(reads_a_models_folder) {
  temporary_folder folder;
  BOOST_TEST((error_of(read_chat_template(folder.path.string())).code == errc::not_found));
  folder.write("tokenizer_config.json", R"({"chat_template": "config", "bos_token": "<s>"})");
  auto made = read_chat_template(folder.path.string());
  BOOST_REQUIRE(made);
  BOOST_TEST(made->choose(false).source() == "config");
  folder.write("chat_template.json", R"({"chat_template": "json"})");
  made = read_chat_template(folder.path.string());
  BOOST_REQUIRE(made);
  BOOST_TEST(made->choose(false).source() == "json");
  folder.write("chat_template.jinja", "{{ bos_token }}jinja\n");
  made = read_chat_template(folder.path.string());
  BOOST_REQUIRE(made);
  auto rendered = made->choose(false).render(made->context());
  BOOST_REQUIRE(rendered);
  BOOST_TEST(*rendered == "<s>jinja");
}

BOOST_AUTO_TEST_CASE(names_the_damaged_file) {
  temporary_folder folder;
  folder.write("tokenizer_config.json", "[]");
  BOOST_TEST(error_of(read_chat_template(folder.path.string())).detail ==
             (folder.path / "tokenizer_config.json").string() + ": it must be an object");
  folder.write("tokenizer_config.json", "{}");
  folder.write("chat_template.json", "{}");
  BOOST_TEST((error_of(read_chat_template(folder.path.string())).code == errc::corrupt));
  folder.write("chat_template.jinja", std::string(chat_template::source_bytes_max + 1, 'x'));
  BOOST_TEST((error_of(read_chat_template(folder.path.string())).code == errc::corrupt));
}

BOOST_AUTO_TEST_SUITE_END()
