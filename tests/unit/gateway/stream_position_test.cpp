#include "gateway/api/stream_position.hpp"

#include <boost/test/unit_test.hpp>

namespace troupe {
namespace {

std::string text_of(const stream_position& position) {
  std::string out = std::to_string(position.created);
  for (const choice_position& choice : position.choices) {
    out += ';';
    append_position(out, choice);
  }
  return out;
}

BOOST_AUTO_TEST_CASE(what_is_written_is_read) {
  stream_position position{.created = 1700000000, .choices = std::vector<choice_position>(3)};
  position.choices[1].add("h\xc3\xa9", 2);
  position.choices[2].add("", 0);
  position.choices[2].finished = true;
  BOOST_TEST(text_of(position) == "1700000000;-;3.2.cca64ccf;0.0.811c9dc5!");
  const auto read = parse_stream_position(text_of(position));
  BOOST_REQUIRE(read.has_value());
  BOOST_TEST((*read == position));
}

BOOST_AUTO_TEST_CASE(nothing_else_is_read) {
  for (const char* text : {"",
                           "1",
                           "1;",
                           ";-",
                           "1;-;",
                           "01;-",
                           "-1;-",
                           "1;-!",
                           "1;3",
                           "1;3.2",
                           "1;3.2.",
                           "1;3.2.9c3d9ba",
                           "1;3.2.9C3D9BA4",
                           "1;03.2.9c3d9ba4",
                           "1;3.02.9c3d9ba4",
                           "1;3.2.9c3d9ba4!!",
                           "1;3.2.9c3d9ba4 ",
                           "1;99999999999999999999.2.9c3d9ba4",
                           "9999999999999999999;-",
                           "1;3,2,9c3d9ba4",
                           "[DONE]"}) {
    const auto read = parse_stream_position(text);
    BOOST_TEST(!read.has_value(), text);
    if (!read) BOOST_TEST((read.err().code == errc::invalid_argument));
  }
  std::string many = "1";
  for (size_t i = 0; i <= stream_choices_max; ++i) many += ";-";
  BOOST_TEST(!parse_stream_position(many).has_value());
  many.resize(many.size() - 2);
  BOOST_TEST(parse_stream_position(many).has_value());
}

}  // namespace
}  // namespace troupe
