// Incarnation numbers of nodes: of two with the same name, the higher one is the younger.
#pragma once

#include <cstdint>

#include "base/clock.hpp"
#include "base/ids.hpp"
#include "base/random.hpp"

namespace troupe {

/// A rank's: its group's generation, and 20 random bits below.
inline uint64_t rank_incarnation(generation_number generation, random_source& random) {
  return generation << 20 | (random.next() & 0xF'FFFF);
}
inline generation_number generation_of(uint64_t rank_incarnation_number) { return rank_incarnation_number >> 20; }

/// Of a node that has no generation: the wall time in milliseconds at its start.
inline uint64_t timed_incarnation(const clock& time) {
  return static_cast<uint64_t>(time.wall_now().time_since_epoch().count());
}

}  // namespace troupe
