#include "simulations/world/seeded_random.hpp"

#include "base/check.hpp"

namespace troupe::simulation {

/// Of each block of the generator, two.
uint64_t seeded_random::next() {
  if (drawn_++ % 2 == 1) return second_;
  const uint64_t block = drawn_ / 2;
  const auto words = philox4x32({static_cast<uint32_t>(block), static_cast<uint32_t>(block >> 32),
                                 static_cast<uint32_t>(stream_), static_cast<uint32_t>(stream_ >> 32)},
                                {static_cast<uint32_t>(seed_), static_cast<uint32_t>(seed_ >> 32)});
  second_ = uint64_t{words[2]} << 32 | words[3];
  return uint64_t{words[0]} << 32 | words[1];
}

/// The upper half of a product: the bias, below count / 2^64, is far below what any run could see.
uint64_t seeded_random::below(uint64_t count) {
  __extension__ using uint128 = unsigned __int128;
  TROUPE_CHECK(count > 0);
  return static_cast<uint64_t>((uint128{next()} * count) >> 64);
}

bool seeded_random::chance(double probability) { return static_cast<double>(next() >> 11) * 0x1p-53 < probability; }

}  // namespace troupe::simulation
