// The bundled model against what its makers' reference, an f32 forward pass in another language, computed with it.
#include <boost/json.hpp>
#include <boost/test/unit_test.hpp>

#include "base/json.hpp"
#include "tests/support/test_data.hpp"
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

}  // namespace
}  // namespace troupe
