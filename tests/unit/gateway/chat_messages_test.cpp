#include "gateway/api/chat_messages.hpp"

#include <boost/json/serialize.hpp>
#include <boost/test/unit_test.hpp>
#include <chrono>

#include "base/json.hpp"

namespace troupe {
namespace {

std::string normalized(std::string_view messages) {
  auto value = parse_json(messages);
  BOOST_REQUIRE(value.has_value());
  auto out = normalized_messages(value->get_array());
  BOOST_REQUIRE(out);
  return boost::json::serialize(*out);
}

BOOST_AUTO_TEST_CASE(only_what_templates_read_is_kept) {
  BOOST_TEST(normalized(R"([{"content":"Hi","role":"user","name":"Ann","weight":1,"refusal":null}])") ==
             R"([{"role":"user","content":"Hi","name":"Ann"}])");
}

BOOST_AUTO_TEST_CASE(tool_calls_of_the_past_are_given_as_templates_write_them) {
  BOOST_TEST(
      normalized(
          R"([{"role":"assistant","content":null,"tool_calls":[{"id":"c","type":"function","function":{"name":"f","arguments":"{\"a\": 1}"}}]},
              {"role":"tool","content":"2","tool_call_id":"c"}])") ==
      R"([{"role":"assistant","content":"","tool_calls":[{"id":"c","type":"function","function":{"name":"f","arguments":{"a":1}}}]},)"
      R"({"role":"tool","content":"2","tool_call_id":"c"}])");
}

BOOST_AUTO_TEST_CASE(a_prompt_is_cut_behind_the_final_message) {
  BOOST_TEST(*cut_after_final_message("<a>Well, <end>\n", "Well, ") == "<a>Well, ");
  BOOST_TEST(*cut_after_final_message("<a>Well,<end>\n", "Well, ") == "<a>Well,");  // A template that trims.
  BOOST_TEST(*cut_after_final_message("<u>yes<end><a>yes<end>", "yes") == "<u>yes<end><a>yes");
  BOOST_TEST(*cut_after_final_message("<a>  x<end>", "  x") == "<a>  x");
  BOOST_TEST(!cut_after_final_message("<a>X<end>", "x"));
  BOOST_TEST(!cut_after_final_message("<a><end>", " \n"));
}

// A search that begins anew at each byte would take minutes.
BOOST_AUTO_TEST_CASE(looking_for_the_final_message_takes_linear_time) {
  std::string content(2 << 20, 'a');
  content.back() = 'b';
  auto begun = std::chrono::steady_clock::now();
  BOOST_TEST(!cut_after_final_message(std::string(4 << 20, 'a'), content));
  BOOST_TEST((std::chrono::steady_clock::now() - begun < std::chrono::seconds(5)));
}

}  // namespace
}  // namespace troupe
