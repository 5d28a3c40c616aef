#include "base/sha256.hpp"

#include <boost/test/unit_test.hpp>
#include <string>

namespace troupe {
namespace {

std::string hex_of(sha256& hash) {
  std::string hex;
  for (const uint8_t byte : hash.digest()) {
    hex += "0123456789abcdef"[byte >> 4];
    hex += "0123456789abcdef"[byte & 15];
  }
  return hex;
}

// The values are those of Python's hashlib.
BOOST_AUTO_TEST_CASE(digests_are_sha256s) {
  sha256 nothing;
  BOOST_TEST(hex_of(nothing) == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  sha256 zero;
  zero.add_number(0);
  BOOST_TEST(hex_of(zero) == "af5570f5a1810b7af78caf4bc70a660f0df51e42baf91d4de5b2328de0e83dfc");
  sha256 text;
  text.add("abc");
  BOOST_TEST(hex_of(text) == "ce91dc5eec0139adf091900d225971d6ad246a845bad791b5693a9d0d55dd391");
}

BOOST_AUTO_TEST_CASE(where_a_text_ends_counts) {
  sha256 a, b;
  a.add("ab");
  a.add("c");
  b.add("a");
  b.add("bc");
  BOOST_TEST(hex_of(a) != hex_of(b));
}

}  // namespace
}  // namespace troupe
