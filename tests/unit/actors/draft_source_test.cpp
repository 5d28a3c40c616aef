#include "actors/group_leader/draft_source.hpp"

#include <boost/test/unit_test.hpp>
#include <random>

// A namespace of its own: sources of one test program are compiled together.
namespace troupe::draft_source_test {
namespace {

using ids = std::vector<token_id>;

ids guess(draft_source& source, const ids& text, uint32_t most = 8) {
  ids draft;
  source.guess(text, most, draft);
  return draft;
}

/// One that guesses as long as it may from the start.
draft_source confident(uint32_t match_min = 2, uint32_t draft_max = 4) {
  draft_source source(match_min, draft_max, 100);
  source.learn(draft_max, draft_max);
  return source;
}

BOOST_AUTO_TEST_CASE(guesses_what_came_after_the_same_ids_before) {
  auto source = confident();
  BOOST_TEST(guess(source, {1, 2, 3, 4, 5, 6, 9, 2, 3}) == (ids{4, 5, 6, 9}), boost::test_tools::per_element());
  BOOST_TEST(guess(source, {1, 2, 3, 4, 5, 6, 9, 2, 3, 7}).empty());
}

BOOST_AUTO_TEST_CASE(guesses_no_more_than_it_may) {
  auto source = confident();
  BOOST_TEST(guess(source, {1, 2, 3, 4, 1, 2}, 1) == (ids{3}), boost::test_tools::per_element());
  BOOST_TEST(guess(source, {1, 2, 3, 4, 1, 2}, 0).empty());
}

BOOST_AUTO_TEST_CASE(prefers_the_place_that_resembles_the_end_most_and_among_those_the_last) {
  auto source = confident();
  BOOST_TEST(guess(source, {7, 1, 2, 50, 8, 1, 2, 60, 7, 1, 2}, 1) == (ids{50}), boost::test_tools::per_element());
  auto other = confident();
  BOOST_TEST(guess(other, {7, 1, 2, 50, 7, 1, 2, 60, 7, 1, 2}, 1) == (ids{60}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(goes_on_with_a_repetition_beyond_the_end_of_the_text) {
  auto source = confident();
  BOOST_TEST(guess(source, {5, 1, 2, 1, 2, 1, 2}) == (ids{1, 2, 1, 2}), boost::test_tools::per_element());
  auto single = confident(1);
  BOOST_TEST(guess(single, {3, 3}) == (ids{3, 3, 3, 3}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_short_or_new_text_gives_no_guess) {
  auto source = confident(3);
  BOOST_TEST(guess(source, {1}).empty());
  BOOST_TEST(guess(source, {1, 2}).empty());
  BOOST_TEST(guess(source, {1, 2, 3, 4, 5}).empty());
}

BOOST_AUTO_TEST_CASE(guesses_become_longer_while_they_are_right_and_rare_while_they_are_wrong) {
  draft_source source(1, 4, 100);
  const ids text{3, 3, 3};
  std::vector<size_t> lengths;
  for (int i = 0; i < 5; ++i) {
    lengths.push_back(guess(source, text).size());
    source.learn(static_cast<uint32_t>(lengths.back()), static_cast<uint32_t>(lengths.back()));
  }
  BOOST_TEST(lengths == (std::vector<size_t>{1, 2, 3, 4, 4}), boost::test_tools::per_element());
  source.learn(4, 1);
  BOOST_TEST(guess(source, text).size() == 2u);
  // Never right: in a thousand calls, the 5 first and then each 32nd.
  size_t guesses = 0;
  source.learn(2, 0);
  for (int i = 0; i < 1000; ++i) {
    auto count = guess(source, text).size();
    guesses += count > 0 ? 1 : 0;
    source.learn(static_cast<uint32_t>(count), 0);
  }
  BOOST_TEST(guesses >= 30u);
  BOOST_TEST(guesses <= 36u);
}

// Against the definition: some earlier place has the same last ids, and the guess is what follows it.
BOOST_AUTO_TEST_CASE(every_guess_follows_a_place_where_the_last_ids_occurred) {
  std::mt19937 random(7);
  for (uint32_t match_min = 1; match_min <= 4; ++match_min) {
    draft_source source(match_min, 4, 4000);
    ids text;
    size_t guessed = 0;
    for (int i = 0; i < 3000; ++i) {
      text.push_back(static_cast<token_id>(random() % 5));
      source.learn(4, 4);
      auto draft = guess(source, text, 4);
      if (draft.empty()) continue;
      ++guessed;
      ids whole = text;
      whole.insert(whole.end(), draft.begin(), draft.end());
      bool follows = false;
      for (size_t end = match_min; end < text.size() && !follows; ++end) {
        follows = std::equal(text.end() - match_min, text.end(), text.begin() + static_cast<long>(end - match_min)) &&
                  std::equal(draft.begin(), draft.end(), whole.begin() + static_cast<long>(end));
      }
      BOOST_REQUIRE(follows);
    }
    BOOST_TEST(guessed > 1500u);
  }
}

}  // namespace
}  // namespace troupe::draft_source_test
