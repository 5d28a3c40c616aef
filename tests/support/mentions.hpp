// What a text says, for tests of errors and of output.
#pragma once

#include <boost/test/unit_test.hpp>
#include <string>
#include <string_view>

namespace troupe::test {

/// Where a check of it fails, the whole text is shown.
inline bool mentions(const std::string& text, std::string_view part) {
  BOOST_TEST_INFO("the text: " << text);
  return text.find(part) != std::string::npos;
}

}  // namespace troupe::test
