#include "shards/chat_template/chat_template.hpp"

#include <boost/json/parse.hpp>
#include <boost/test/unit_test.hpp>
#include <thread>
#include <vector>

namespace {

using namespace troupe;

result<std::string> render(std::string source, std::string_view context = "{}",
                           std::optional<std::chrono::sys_seconds> now = {}) {
  TROUPE_ASSIGN(auto parsed, chat_template::parse(std::move(source)));
  return parsed->render(boost::json::parse(context).as_object(), {}, now);
}

std::string text_of(const result<std::string>& rendered) {
  return rendered ? *rendered : "error: " + rendered.err().detail;
}
error error_of(const result<std::string>& rendered) {
  return rendered ? error{errc::internal, "no error: " + *rendered} : rendered.err();
}

}  // namespace

BOOST_AUTO_TEST_SUITE(chat_template_)

BOOST_AUTO_TEST_CASE(renders_a_conversation) {
  auto rendered = render(
      "{% for m in messages %}<{{ m.role }}>{{ m.content }}</s>\n{% endfor %}"
      "{% if add_generation_prompt %}<assistant>{% endif %}",
      R"({"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Ho"}], "add_generation_prompt": true})");
  BOOST_TEST(text_of(rendered) == "<user>Hi</s>\n<assistant>Ho</s>\n<assistant>");
}

BOOST_AUTO_TEST_CASE(passes_on_the_words_of_raise_exception) {
  auto e = error_of(render("\n{{ raise_exception('Only user and assistant roles are supported!') }}"));
  BOOST_TEST((e == error{errc::invalid_argument, "Only user and assistant roles are supported!"}));
}

BOOST_AUTO_TEST_CASE(names_the_line_of_an_error) {
  auto at_rendering = error_of(render("a\n{% if true %}\n{{ x.y }}{% endif %}"));
  BOOST_TEST((at_rendering == error{errc::invalid_argument, "line 3: 'x' is undefined"}));
  auto at_parsing = error_of(render("a\n\n{{ 1 2 }}"));
  BOOST_TEST(
      (at_parsing == error{errc::invalid_argument, "line 3: expected token 'end of print statement', got 'integer'"}));
}

BOOST_AUTO_TEST_CASE(names_the_line_within_a_macro) {
  auto e = error_of(render("{% macro m(x) %}\n{{ x + 1 }}\n{% endmacro %}\n{{ m('a') }}"));
  BOOST_TEST(e.detail == "line 2: unsupported operand type(s) for +: 'str' and 'int'");
}

BOOST_AUTO_TEST_CASE(tells_the_time_it_was_given) {
  std::chrono::sys_seconds now{std::chrono::seconds(1720069567)};
  BOOST_TEST(text_of(render("{{ strftime_now('%d %b %Y %H:%M:%S') }}", "{}", now)) == "04 Jul 2024 05:06:07");
}

BOOST_AUTO_TEST_CASE(fails_to_tell_a_time_it_does_not_know) {
  auto e = error_of(render("{{ strftime_now('%Y') }}"));
  BOOST_TEST((e == error{errc::not_supported, "line 1: strftime_now: the time is not known here"}));
}

BOOST_AUTO_TEST_CASE(refuses_other_templates_where_they_are_reached) {
  auto e = error_of(render("{% include 'other' %}"));
  BOOST_TEST(
      (e == error{errc::not_supported, "line 1: the tag 'include' is not supported: a chat template stands alone"}));
  BOOST_TEST(text_of(render("{% if false %}{% import 'x' as y %}{% endif %}ok")) == "ok");
}

BOOST_AUTO_TEST_CASE(refuses_filters_that_a_prompt_must_not_depend_on) {
  BOOST_TEST((error_of(render("{{ [1] | random }}")).code == errc::not_supported));
}

BOOST_AUTO_TEST_CASE(keeps_whole_numbers_of_64_bits) {
  BOOST_TEST(text_of(render("{{ a }} {{ b }} {{ a + 1 }} {{ [a] | tojson }}",
                            R"({"a": 18446744073709551615, "b": -9223372036854775808})")) ==
             "18446744073709551615 -9223372036854775808 18446744073709551616 [18446744073709551615]");
}

BOOST_AUTO_TEST_CASE(refuses_integers_beyond_128_bits) {
  BOOST_TEST(error_of(render("{{ 2 ** 126 * 2 }}")).detail == "line 1: an integer has more than 127 bits");
  BOOST_TEST(error_of(render("{{ 2 ** 127 }}")).detail == "line 1: an integer has more than 127 bits");
  BOOST_TEST(text_of(render("{{ -(2 ** 126) * 2 }}")) == "-170141183460469231731687303715884105728");
  BOOST_TEST(error_of(render("{{ -(-(2 ** 126) * 2) }}")).detail == "line 1: an integer has more than 127 bits");
  BOOST_TEST(error_of(render("{{ (-(2 ** 126) * 2) // -1 }}")).detail == "line 1: an integer has more than 127 bits");
  BOOST_TEST(text_of(render("{{ (-(2 ** 126) * 2) % -1 }}")) == "0");
  BOOST_TEST(error_of(render("{{ " + std::string(50, '9') + " }}")).detail.starts_with("line 1: the number 999"));
}

BOOST_AUTO_TEST_CASE(refuses_text_that_is_not_utf8) {
  BOOST_TEST(error_of(render("a\xff")).detail == "the chat template is not valid UTF-8");
  auto parsed = chat_template::parse("{{ x }}");
  BOOST_REQUIRE(parsed);
  boost::json::object context;
  context["x"] = "a\xc3";
  BOOST_TEST(error_of((*parsed)->render(context)).detail == "a variable's text is not valid UTF-8");
}

BOOST_AUTO_TEST_CASE(refuses_a_source_that_is_too_large) {
  auto e = error_of(render(std::string(chat_template::source_bytes_max + 1, 'x')));
  BOOST_TEST(e.detail == "the chat template has more than 1048576 bytes");
}

BOOST_AUTO_TEST_CASE(variables_replace_functions_of_the_same_name) {
  BOOST_TEST(text_of(render("{{ range }}", R"({"range": 3})")) == "3");
}

BOOST_AUTO_TEST_CASE(is_rendered_by_many_threads_at_once) {
  auto parsed = chat_template::parse(
      "{% macro m(x) %}[{{ x }}]{% endmacro %}{% set ns = namespace(t='') %}"
      "{% for i in range(n) %}{% set ns.t = ns.t ~ m(i) %}{% endfor %}{{ ns.t | length }} {{ 'q' | upper }}");
  BOOST_REQUIRE(parsed);
  std::vector<std::string> texts(8);
  std::vector<std::thread> threads;
  for (size_t i = 0; i < texts.size(); ++i) {
    threads.emplace_back([&, i] {
      boost::json::object context;
      context["n"] = 10 * (i + 1);
      texts[i] = text_of((*parsed)->render(context));
    });
  }
  for (auto& thread : threads) thread.join();
  for (size_t i = 0; i < texts.size(); ++i) {
    size_t n = 10 * (i + 1), digits = 0;
    for (size_t k = 0; k < n; ++k) digits += std::to_string(k).size() + 2;
    BOOST_TEST(texts[i] == std::to_string(digits) + " Q");
  }
}

BOOST_AUTO_TEST_SUITE_END()
