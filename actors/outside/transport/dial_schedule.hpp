// When to dial a peer again. Pure.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace troupe {

class dial_schedule {
 public:
  using milliseconds = std::chrono::milliseconds;
  dial_schedule(milliseconds least, milliseconds most) : least_(least), most_(most), next_(least) {}

  /// How long to wait before the next attempt: doubling, and drawn from the upper half of that, so that the peers of a
  /// node that comes back do not all come at once. `random`: 64 uniform bits.
  milliseconds wait(uint64_t random) {
    auto half = next_ / 2;
    auto drawn = half + milliseconds(static_cast<int64_t>(random % static_cast<uint64_t>((next_ - half).count() + 1)));
    next_ = std::min(next_ * 2, most_);
    return drawn;
  }

  /// The link was good for a while. (One that ends at once is no reason to hurry.)
  void reset() { next_ = least_; }

 private:
  milliseconds least_;
  milliseconds most_;
  milliseconds next_;
};

}  // namespace troupe
