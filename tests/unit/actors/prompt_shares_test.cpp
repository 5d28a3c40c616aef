#include "actors/group_leader/prompt_shares.hpp"

#include <boost/test/unit_test.hpp>
#include <numeric>
#include <random>
#include <vector>

// A namespace of its own: sources of one test program are compiled together.
namespace troupe::prompt_shares_test {
namespace {

std::vector<uint32_t> shares(uint32_t budget, std::vector<prompt_share> prompts) {
  share_budget(budget, prompts);
  std::vector<uint32_t> tokens;
  for (const auto& prompt : prompts) tokens.push_back(prompt.tokens);
  return tokens;
}

using list = std::vector<uint32_t>;

BOOST_AUTO_TEST_CASE(one_prompt_gets_all_in_whole_blocks) {
  BOOST_TEST(shares(256, {{0, 1000}}) == (list{256}), boost::test_tools::per_element());
  BOOST_TEST(shares(250, {{0, 1000}}) == (list{192}), boost::test_tools::per_element());
  BOOST_TEST(shares(250, {{16, 1000}}) == (list{240}), boost::test_tools::per_element());
  BOOST_TEST(shares(250, {{0, 201}}) == (list{201}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_long_prompt_does_not_hold_up_short_ones_nor_they_it) {
  BOOST_TEST(shares(256, {{0, 9000}, {0, 100}, {0, 20}}) == (list{128, 100, 20}), boost::test_tools::per_element());
  BOOST_TEST(shares(256, {{0, 9000}, {0, 8000}, {0, 90}, {0, 20}}) == (list{128, 0, 90, 20}),
             boost::test_tools::per_element());
  BOOST_TEST(shares(256, {{0, 9000}, {0, 8000}, {0, 20}}) == (list{128, 64, 20}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(of_the_others_the_lower_priority_goes_first) {
  BOOST_TEST(shares(192, {{0, 9000, 0}, {0, 64, 1}, {0, 100, 0}}) == (list{64, 0, 100}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(the_first_gets_something_however_small_the_step) {
  BOOST_TEST(shares(10, {{0, 9000}, {0, 5}}) == (list{10, 0}), boost::test_tools::per_element());
  BOOST_TEST(shares(1, {{63, 9000}}) == (list{1}), boost::test_tools::per_element());
  BOOST_TEST(shares(0, {{0, 9000}, {0, 5}}) == (list{0, 0}), boost::test_tools::per_element());
  BOOST_TEST(shares(5, {}).empty());
}

BOOST_AUTO_TEST_CASE(never_gives_out_more_than_there_is_and_cuts_where_it_should) {
  std::mt19937 random(3);
  for (int round = 0; round < 5000; ++round) {
    const auto budget = static_cast<uint32_t>(random() % 600);
    std::vector<prompt_share> prompts(1 + random() % 8);
    for (auto& prompt : prompts) {
      prompt.computed = static_cast<uint32_t>(random() % 20) * 16;
      prompt.left = static_cast<uint32_t>(1 + random() % 700);
      prompt.priority = static_cast<int32_t>(random() % 3) - 1;
    }
    share_budget(budget, prompts);
    uint32_t given = 0;
    for (size_t i = 0; i < prompts.size(); ++i) {
      const auto& prompt = prompts[i];
      given += prompt.tokens;
      BOOST_REQUIRE(prompt.tokens <= prompt.left);
      const bool cut = prompt.tokens > 0 && prompt.tokens < prompt.left;
      const bool at_block = (prompt.computed + prompt.tokens) % prompt_cut_positions == 0;
      BOOST_REQUIRE((!cut || at_block || (i == 0 && budget < prompt_cut_positions)));
    }
    BOOST_REQUIRE(given <= budget);
    BOOST_REQUIRE((budget == 0 || prompts[0].tokens >= std::min({prompts[0].left, budget, 1U})));
  }
}

}  // namespace
}  // namespace troupe::prompt_shares_test
