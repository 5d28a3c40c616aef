#include "base/random.hpp"

#include <boost/test/unit_test.hpp>

namespace troupe {
namespace {

using words = std::array<uint32_t, 4>;

// The known answers of the authors' Random123 library for philox4x32-10 (its file kat_vectors).
BOOST_AUTO_TEST_CASE(philox_gives_the_published_answers) {
  BOOST_TEST((philox4x32({0, 0, 0, 0}, {0, 0}) == words{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  BOOST_TEST((philox4x32({~0U, ~0U, ~0U, ~0U}, {~0U, ~0U}) == words{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  BOOST_TEST((philox4x32({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}) ==
              words{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

}  // namespace
}  // namespace troupe
