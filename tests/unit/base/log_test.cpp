#include "base/log.hpp"

#include <boost/test/unit_test.hpp>

namespace troupe {
namespace {

std::string escaped(std::string_view text) {
  std::string out;
  append_json_escaped(out, text);
  return out;
}

BOOST_AUTO_TEST_CASE(text_cannot_end_its_own_json_string) {
  BOOST_TEST(escaped("a\"b\\c\n") == "a\\\"b\\\\c\\n");
  BOOST_TEST(escaped(std::string_view("\x00\x1f\x7f", 3)) == "\\u0000\\u001f\\u007f");
  BOOST_TEST(escaped("\xE2\x82\xAC \xE2\x82") == "\xE2\x82\xAC \xEF\xBF\xBD\xEF\xBF\xBD");
}

BOOST_AUTO_TEST_CASE(reads_level_names) {
  log_level level{};
  BOOST_TEST(parse_log_level("warn", level));
  BOOST_TEST((level == log_level::warn));
  BOOST_TEST(!parse_log_level("loud", level));
}

}  // namespace
}  // namespace troupe
