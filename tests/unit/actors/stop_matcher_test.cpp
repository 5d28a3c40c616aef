#include "actors/request/stop_matcher.hpp"

#include <boost/test/unit_test.hpp>

namespace troupe {
namespace {

std::string run(const std::vector<std::string>& stops, const std::vector<std::string>& pieces) {
  stop_matcher matcher(stops);
  std::string out;
  for (const auto& piece : pieces) {
    auto p = matcher.push(piece);
    out += p.text;
    if (p.stopped) return out + "|";
  }
  return out + matcher.finish();
}

BOOST_AUTO_TEST_CASE(a_stop_string_is_found_across_pieces_and_not_sent) {
  BOOST_TEST(run({"END"}, {"one E", "N", "D two"}) == "one |");
  BOOST_TEST(run({"END"}, {"one E", "N", "E two"}) == "one ENE two");
  BOOST_TEST(run({"END"}, {"one EN"}) == "one EN");
}

BOOST_AUTO_TEST_CASE(only_what_may_begin_a_stop_string_is_held) {
  stop_matcher matcher({"\n\n"});
  BOOST_TEST(matcher.push("a\n").text == "a");
  BOOST_TEST(matcher.push("b").text == "\nb");
}

// Every way to cut a text in three gives what the whole gives.
BOOST_AUTO_TEST_CASE(the_cut_does_not_matter) {
  for (const std::vector<std::string>& stops :
       {std::vector<std::string>{"aab", "ab"}, {"abab"}, {"b", "aabb"}, {"", "ba"}}) {
    for (const std::string text : {"aaabab", "xaabb", "ababab", "aaaa", "bbaa"}) {
      auto whole = run(stops, {text});
      for (size_t i = 0; i <= text.size(); ++i) {
        for (size_t j = i; j <= text.size(); ++j) {
          BOOST_TEST(run(stops, {text.substr(0, i), text.substr(i, j - i), text.substr(j)}) == whole,
                     text << " cut at " << i << " and " << j);
        }
      }
    }
  }
}

}  // namespace
}  // namespace troupe
