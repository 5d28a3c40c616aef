#include "schemas/closest_name.hpp"

#include <boost/test/unit_test.hpp>

namespace troupe {
namespace {

std::string closest(std::string_view typed) {
  return closest_name(typed, {"name", "port", "httpPort", "tensorParallel"}).value_or("none");
}

BOOST_AUTO_TEST_CASE(finds_the_name_that_was_meant) {
  BOOST_TEST(closest("tensorParalel") == "tensorParallel");
  BOOST_TEST(closest("tensor_parallel") == "tensorParallel");
  BOOST_TEST(closest("prot") == "port");
  BOOST_TEST(closest("Name") == "name");
  BOOST_TEST(closest("httpprt") == "httpPort");
}

BOOST_AUTO_TEST_CASE(does_not_guess_wildly) {
  BOOST_TEST(closest("colour") == "none");
  BOOST_TEST(closest("") == "none");
  BOOST_TEST(closest(std::string(65, 'x')) == "none");
}

}  // namespace
}  // namespace troupe
