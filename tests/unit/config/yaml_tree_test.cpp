#include "schemas/yaml_tree.hpp"

#include <boost/test/unit_test.hpp>

namespace troupe {
namespace {

std::string refusal(std::string_view text, yaml_limits limits = {}) {
  auto tree = parse_yaml(text, limits);
  return tree ? "accepted" : tree.err().detail;
}

bool refuses(std::string_view text, std::string_view part) { return refusal(text).find(part) != std::string::npos; }

BOOST_AUTO_TEST_CASE(knows_where_everything_stands) {
  auto tree = parse_yaml("# a comment\nname: x\nhosts:\n  - port: 1\n    address: 'a b'\n  - {}\n");
  BOOST_REQUIRE(tree.has_value());
  BOOST_REQUIRE(tree->keys.size() == 2u);
  BOOST_TEST(tree->items[0].text == "x");
  BOOST_TEST(tree->items[0].plain);
  const yaml_node& first = tree->items[1].items.at(0);
  BOOST_TEST(!first.items.at(1).plain);
  text_position at = find_position(*tree, "hosts[0].address");
  BOOST_TEST(at.line == 5u);
  BOOST_TEST(at.column == 5u);
  BOOST_TEST(find_position(*tree, "hosts[1]").line == 6u);
  BOOST_TEST(find_position(*tree, "hosts[1].port").line == 6u);
  BOOST_TEST(find_position(*tree, "hosts[7].port").line == 3u);
  BOOST_TEST(find_position(*tree, "http.threads").line == 2u);
}

BOOST_AUTO_TEST_CASE(takes_an_empty_text_for_nothing) {
  BOOST_TEST((parse_yaml("")->is == yaml_node::kind::null));
  BOOST_TEST((parse_yaml("# only a comment\n")->is == yaml_node::kind::null));
}

BOOST_AUTO_TEST_CASE(refuses_what_yaml_can_do_beyond_data) {
  BOOST_TEST(refusal("a: &x 1\nb: *x\n") == "1:4: anchors (&name) are not allowed");
  BOOST_TEST(refuses("a: !!binary aGk=\n", "tags"));
  BOOST_TEST(refuses("a: !mine {b: 1}\n", "tags"));
  BOOST_TEST(refuses("a: 1\n---\nb: 2\n", "more than one document"));
  BOOST_TEST(refuses("[1, 2]: x\n", "a key must be a text, not a list"));
  BOOST_TEST(refuses("~: x\n", "a key must be a text, not nothing"));
}

BOOST_AUTO_TEST_CASE(refuses_a_key_that_occurs_twice) {
  BOOST_TEST(refusal("a: 1\nb:\n  c: 1\n  \"c\": 2\n") == "4:3: \"c\" occurs twice, first in line 3");
}

BOOST_AUTO_TEST_CASE(refuses_text_that_is_not_yaml) {
  BOOST_TEST(refusal("a: [1, 2\nb: 3\n").starts_with("2:"));
  BOOST_TEST(refusal("a: 1\n\tb: 2\n").starts_with("2:"));
  BOOST_TEST(refusal("a: b: c\n") != "accepted");
}

BOOST_AUTO_TEST_CASE(quotes_an_escape_that_is_none_on_one_line_of_text) {
  BOOST_TEST(refusal("a: \"\\q\"") == "1:7: unknown escape character: q");
  // yaml-cpp takes the first byte of a character for a character.
  BOOST_TEST(refusal("a: \"\\\xC3\xA9\"") == "1:7: unknown escape character: \xEF\xBF\xBD");
}

BOOST_AUTO_TEST_CASE(refuses_bytes_that_are_not_text) {
  BOOST_TEST(refusal("a: 1\nb: \xFF\n") == "2:4: is not UTF-8");
  BOOST_TEST(refusal("a: \x01\n") == "1:4: has a control character");
  BOOST_TEST(refuses(std::string_view("a\0:\0 \0", 6), "control character"));
}

BOOST_AUTO_TEST_CASE(stays_within_its_limits) {
  BOOST_TEST(refusal("aaaa", {.bytes_max = 3}) == "1:1: has 4 bytes; at most 3 are read");
  BOOST_TEST(refusal("[[[1]]]", {.depth_max = 2}) == "1:3: is nested deeper than 2");
  BOOST_TEST(refuses(std::string(500'000, '['), "is nested deeper than 16"));
  BOOST_TEST(refuses(std::string(500'000, '{'), "is nested deeper than 16"));
  std::string dashes;
  for (int i = 0; i < 100'000; ++i) dashes += "- ";
  BOOST_TEST(refusal(dashes) != "accepted");
}

BOOST_AUTO_TEST_CASE(quotes_text_for_one_line) {
  BOOST_TEST(in_quotes("a\nb\"") == R"("a\nb\"")");
  std::string umlauts;
  for (int i = 0; i < 100; ++i) umlauts += "ä";
  BOOST_TEST(in_quotes(umlauts).size() == 80 + 2 + std::string_view("…").size());
}

}  // namespace
}  // namespace troupe
