// rendering_cases.json: our own small templates with what jinja2 3.1.6 made of them (compare_with_jinja2.py
// --make-cases). "text": the rendering; "raised": the words of raise_exception; "error": jinja2 failed, and so must we,
// in our own words.
#include <boost/test/unit_test.hpp>
#include <string>

#include "base/json.hpp"
#include "shards/chat_template/chat_template.hpp"
#include "tests/support/test_data.hpp"

BOOST_AUTO_TEST_CASE(renders_and_fails_as_jinja2_does) {
  auto cases = troupe::read_json_file(troupe::test::source_folder() + "/tests/unit/chat_template/rendering_cases.json");
  BOOST_REQUIRE(cases);
  BOOST_REQUIRE(cases->get_array().size() > 600);
  for (const auto& entry : cases->get_array()) {
    const auto& wanted = entry.get_object();
    std::string source(wanted.at("template").get_string());
    boost::json::object context;
    if (const auto* given = wanted.if_contains("context")) context = given->get_object();
    auto rendered = [&]() -> troupe::result<std::string> {
      TROUPE_ASSIGN(auto parsed, troupe::chat_template::parse(source));
      return parsed->render(context, {}, std::chrono::sys_seconds(std::chrono::seconds(1720069567)));
    }();
    std::string got = rendered ? *rendered : "error: " + rendered.err().detail;
    if (const auto* text = wanted.if_contains("text")) {
      BOOST_TEST(rendered.has_value(), source << "\n" << got);
      BOOST_TEST(got == text->get_string().c_str(), source);
    } else if (const auto* raised = wanted.if_contains("raised")) {
      BOOST_TEST(got == "error: " + std::string(raised->get_string()), source);
    } else {
      BOOST_TEST(!rendered.has_value(), source << "\n" << got);
      if (!rendered) BOOST_TEST(!rendered.err().detail.empty(), source);
    }
  }
}
