#include "base/json.hpp"

#include <boost/test/unit_test.hpp>

namespace troupe {
namespace {

std::string refusal(std::string_view text, json_limits limits = {}) {
  auto value = parse_json(text, limits);
  return value ? "accepted" : value.err().detail;
}

BOOST_AUTO_TEST_CASE(parses_a_text) {
  auto value = parse_json(R"( {"a": [1, 2.5, "x\u00e9"], "b": null} )");
  BOOST_REQUIRE(value.has_value());
  BOOST_TEST(value->at("a").at(2).get_string() == "x\xC3\xA9");
}

BOOST_AUTO_TEST_CASE(says_where_a_text_is_wrong) {
  BOOST_TEST(refusal("{\n  \"a\": tru }").find("line 2") != std::string::npos);
  BOOST_TEST(refusal("{\"a\": 1").find("incomplete") != std::string::npos);
  BOOST_TEST(refusal("") != "accepted");
  BOOST_TEST(refusal("{} x") != "accepted");
  BOOST_TEST(refusal("[1,]") != "accepted");
  BOOST_TEST(refusal("NaN") != "accepted");
}

BOOST_AUTO_TEST_CASE(refuses_what_is_ambiguous_or_unbounded) {
  BOOST_TEST(refusal(R"({"a":1,"b":{"a":1},"a":2})").find("\"a\" occurs twice") != std::string::npos);
  BOOST_TEST(refusal(R"({"a":1,"\u0061":2})").find("occurs twice") != std::string::npos);
  BOOST_TEST(refusal(R"({"a\nb":1,"a\nb":2})").find(R"("a\nb" occurs twice)") != std::string::npos);
  const std::string long_key(100'000, 'k');
  BOOST_TEST(refusal("{\"" + long_key + "\":1,\"" + long_key + "\":2}").size() < 400U);
  BOOST_TEST(refusal("\"\xFF\"") != "accepted");
  BOOST_TEST(refusal("1e999") != "accepted");
  BOOST_TEST(refusal("[[[[1]]]]", {.depth_max = 3}).find("deeper than 3") != std::string::npos);
  BOOST_TEST(refusal("[1,2,3]", {.bytes_max = 3}).find("at most 3") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_reader_names_the_member) {
  auto value = *parse_json(R"({"n": 3, "f": 3.0, "s": "x", "big": 1e30, "none": null, "o": {"b": 1}})");
  json_reader read(value.get_object(), "body");
  BOOST_TEST(*read.integer("n", 0) == 3);
  BOOST_TEST(*read.integer("f", 0) == 3);
  BOOST_TEST(*read.integer("none", 7) == 7);
  BOOST_TEST(*read.integer("absent", 8) == 8);
  BOOST_TEST(*read.string("s", "") == "x");
  BOOST_TEST(read.integer("big", 0).err().detail == "body.big must be a whole number");
  BOOST_TEST(read.integer("n", 0, 5, 9).err().detail == "body.n must be from 5 to 9");
  BOOST_TEST(read.boolean("s", false).err().detail == "body.s must be a boolean");
  BOOST_TEST(read.number("s", 0).err().detail == "body.s must be a number");
  BOOST_TEST((*read.object("o"))->size() == 1u);
  BOOST_TEST(*read.array("absent") == nullptr);
}

}  // namespace
}  // namespace troupe
