#include "shards/engine/plan_check.hpp"

#include <boost/test/unit_test.hpp>

namespace troupe {
namespace {

constexpr plan_limits limits{
    .rows_max = 8, .sequences_max = 3, .logits_max = 4, .context_max = 40, .vocab_size = 10, .kv_pages = 6};

std::string detail_of(const std::vector<sequence_step>& sequences) {
  plan_checker checker(limits);
  const auto checked = checker.check({.number = 1, .sequences = sequences});
  return checked ? "" : checked.err().detail;
}

sequence_step decode_at(uint32_t position, std::vector<uint32_t> pages) {
  return {.first_position = position, .tokens = {1}, .pages = std::move(pages), .wants_logits = true};
}

BOOST_AUTO_TEST_CASE(plans_within_the_bounds_pass) {
  BOOST_TEST(detail_of({decode_at(0, {5})}) == "");
  BOOST_TEST(detail_of({decode_at(39, {0, 1, 2}), decode_at(16, {3, 4})}) == "");
  // A prefix that is only read may be shared, and a sequence may have pages in reserve.
  BOOST_TEST(detail_of({decode_at(16, {0, 1}), decode_at(20, {0, 2, 3})}) == "");
}

BOOST_AUTO_TEST_CASE(every_bound_is_named_when_it_is_broken) {
  BOOST_TEST(detail_of({}) == "the plan has no sequences");
  BOOST_TEST(detail_of({{.first_position = 0, .tokens = {}, .pages = {0}, .wants_logits = true}}) ==
             "sequence 0 of the plan has no tokens");
  BOOST_TEST(detail_of({decode_at(0, {0}), decode_at(40, {1, 2, 3})}) ==
             "sequence 1 of the plan would have 41 positions; the context has 40");
  BOOST_TEST(detail_of({decode_at(0xffffffff, {1})}) ==
             "sequence 0 of the plan would have 4294967296 positions; the context has 40");
  BOOST_TEST(detail_of({{.first_position = 0, .tokens = {10}, .pages = {0}, .wants_logits = true}}) ==
             "sequence 0 of the plan has token 10; the vocabulary has 10");
  BOOST_TEST(detail_of({decode_at(16, {0})}) == "sequence 0 of the plan has 1 pages; 17 positions need 2");
  BOOST_TEST(detail_of({decode_at(0, {6})}) == "sequence 0 of the plan has page 6; there are 6");
  BOOST_TEST(detail_of({decode_at(0, {0, 1, 2, 3, 4, 5, 1})}) ==
             "sequence 0 of the plan has more pages than there are");
  BOOST_TEST(detail_of({decode_at(0, {0}), decode_at(0, {1}), decode_at(0, {2}), decode_at(0, {3})}) ==
             "the plan has 4 sequences; a step takes 3");
  BOOST_TEST(detail_of({{.first_position = 0, .tokens = {1, 2}, .pages = {0}, .wants_logits = 3}}) ==
             "sequence 0 of the plan wants the logits of 3 of its 2 tokens");
  BOOST_TEST(detail_of({{.first_position = 0, .tokens = {1, 2}, .pages = {0}, .wants_logits = 0, .wants_hidden = 3}}) ==
             "sequence 0 of the plan wants the rows of 3 of its 2 tokens");
  BOOST_TEST(detail_of({{.first_position = 0, .tokens = {1, 2, 3}, .pages = {0}, .wants_logits = 3},
                        {.first_position = 0, .tokens = {1, 2, 3}, .pages = {1}, .wants_logits = 2}}) ==
             "the plan wants 5 rows of logits; a step gives 4");
  BOOST_TEST(
      detail_of({{.first_position = 0, .tokens = std::vector<token_id>(9), .pages = {0}, .wants_logits = true}}) ==
      "the plan has 9 tokens; a step takes 8");
}

BOOST_AUTO_TEST_CASE(a_page_that_is_written_must_be_nowhere_else) {
  BOOST_TEST(detail_of({decode_at(0, {3}), decode_at(1, {3})}) ==
             "sequence 1 of the plan writes page 3, which is written elsewhere too");
  BOOST_TEST(detail_of({decode_at(16, {3, 4}), decode_at(0, {3})}) ==
             "sequence 0 of the plan has page 3, which sequence 1 writes in this step");
  BOOST_TEST(detail_of({decode_at(16, {3, 3})}) ==
             "sequence 0 of the plan has page 3, which sequence 0 writes in this step");
  // Also behind the positions in use, where the next step would write.
  BOOST_TEST(detail_of({decode_at(0, {3}), decode_at(0, {4, 3})}) ==
             "sequence 1 of the plan has page 3, which sequence 0 writes in this step");
}

BOOST_AUTO_TEST_CASE(one_check_leaves_nothing_behind_for_the_next) {
  plan_checker checker(limits);
  for (int i = 0; i < 3; ++i) {
    BOOST_TEST(checker.check({.number = 1, .sequences = {decode_at(0, {3})}}).has_value());
    BOOST_TEST(!checker.check({.number = 1, .sequences = {decode_at(0, {3}), decode_at(0, {3})}}));
  }
}

}  // namespace
}  // namespace troupe
