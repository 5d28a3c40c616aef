// For deadlines without waiting.
#pragma once

#include <atomic>

#include "base/clock.hpp"

namespace troupe::test {

/// A clock that jumps a second each time it is looked at, and counts.
class jumping_clock final : public clock {
 public:
  instant now() const override { return instant(std::chrono::seconds(++looks_)); }
  std::chrono::sys_time<std::chrono::milliseconds> wall_now() const override { return {}; }
  int64_t looks() const { return looks_; }

 private:
  mutable std::atomic<int64_t> looks_{0};
};

}  // namespace troupe::test
