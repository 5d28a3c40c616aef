// Random numbers of a simulation: all come from its seed.
#pragma once

#include "base/random.hpp"

namespace troupe::simulation {

/// Who draws: each part of the world has streams of its own.
enum class drawn_by : uint8_t {
  order,
  links,
  devices,
  machines,
  nodes,
  starts,
  clients,
  shared_texts,
  faults,
  scenarios,
  arrivals,
  buggify,
};

/// Philox in counter mode. Streams of one seed are independent of each other: what one part of the world draws does not
/// shift what another one draws.
class seeded_random final : public random_source {
 public:
  /// `number`: of several of a kind, below 2^32.
  seeded_random(uint64_t seed, drawn_by who, uint64_t number = 0)
      : seed_(seed), stream_(static_cast<uint64_t>(who) << 32 | number) {}

  uint64_t next() override;
  /// Uniform in [0, count), count > 0.
  uint64_t below(uint64_t count);
  /// True once in 1/probability times.
  bool chance(double probability);
  /// Uniform in [from, to].
  template <class Duration>
  Duration between(Duration from, Duration to) {
    return from + Duration(static_cast<typename Duration::rep>(below(static_cast<uint64_t>((to - from).count()) + 1)));
  }

 private:
  uint64_t seed_;
  uint64_t stream_;
  uint64_t drawn_ = 0;
  uint64_t second_ = 0;
};

}  // namespace troupe::simulation
