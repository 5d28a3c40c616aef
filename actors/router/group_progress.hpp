// Whether one group gets on: its leader reports, and while streams run there its steps advance, by the pace that they
// had. Pure: the router's actor feeds it.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>

#include "base/clock.hpp"
#include "schemas/cluster.hpp"

namespace troupe {

class group_progress {
 public:
  /// A group whose leader has not reported for `patience`, or has streams and has ended no step for so long, does not
  /// get on. One with slow steps has ten times their p99.
  explicit group_progress(duration patience) : patience_(patience), allowed_(patience) {}

  /// A leader's report.
  void note(const group_load& load, instant now) {
    if (load.running == 0 || load.steps != steps_) last_ = now;
    steps_ = load.steps;
    allowed_ = std::max<duration>(patience_, 10 * std::chrono::microseconds(load.step_us_p99));
  }
  bool advances(instant now) const { return last_ && now - *last_ < allowed_; }

 private:
  duration patience_;
  duration allowed_;
  uint64_t steps_ = 0;
  /// Nothing before the first step, or the first report without a stream.
  std::optional<instant> last_;
};

}  // namespace troupe
