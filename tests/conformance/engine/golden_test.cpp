// The bundled model against what its makers' reference, an f32 forward pass in another language, computed with it.
#include <boost/json.hpp>
#include <boost/test/unit_test.hpp>

#include "base/json.hpp"
#include "tests/support/test_data.hpp"
#include "tests/unit/engine/random_model.hpp"
#include "tests/unit/engine/test_group.hpp"

namespace troupe {
namespace {

using namespace troupe::test;

BOOST_AUTO_TEST_CASE(the_bundled_model_continues_as_its_makers_reference_does) {
  const std::string folder = source_folder() + "/models/troupe-tiny";
  const auto golden = read_json_file(folder + "/golden.json");
  BOOST_REQUIRE_MESSAGE(golden.has_value(), (golden ? "" : golden.err().detail));
  const auto ids = [](const boost::json::value& list) { return boost::json::value_to<std::vector<token_id>>(list); };
  for (const uint32_t tp : {1, 2, 4}) {
    test_group group({.folder = folder, .tp = tp});
    for (const boost::json::value& example : golden->at("cases").as_array()) {
      const std::vector<token_id> expected = ids(example.at("continuation_ids"));
      BOOST_TEST(greedy(group, ids(example.at("prompt_ids")), expected.size()) == expected,
                 boost::test_tools::per_element());
    }
  }
}

/// Prompts whose sums go in one shot and in two, and steps of one token.
BOOST_AUTO_TEST_CASE(the_bundled_model_gives_the_same_bits_alone_over_shared_memory_and_over_tcp) {
  const std::string folder = source_folder() + "/models/troupe-tiny";
  const std::vector<uint32_t> pieces = {120, 7, 60, 1};
  test_group alone({.folder = folder});
  const std::vector<token_id> tokens = random_tokens(195, alone.leader().facts().vocab_size, 31);
  const logits_rows expected = run_in_chunks(alone, tokens, pieces);
  for (const transport how : {transport::shm, transport::tcp}) {
    for (const uint32_t tp : {2, 4}) {
      test_group group({.folder = folder, .tp = tp, .how = how});
      BOOST_TEST(group.leader().facts().fingerprint == alone.leader().facts().fingerprint);
      const logits_rows rows = run_in_chunks(group, tokens, pieces);
      BOOST_REQUIRE(rows.size() == expected.size());
      for (size_t i = 0; i < rows.size(); ++i)
        BOOST_TEST(same_bits(rows[i], expected[i]), "tp " << tp << " over " << how << ", step " << i);
    }
  }
}

}  // namespace
}  // namespace troupe
