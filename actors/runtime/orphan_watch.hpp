// Whether a node has been without those it lives for (a rank without gateways, a gateway without its host) for too
// long. Pure. Looks are counted, not time: a node that was stopped for a while itself has first to link again.
#pragma once

#include <algorithm>
#include <chrono>

#include "base/clock.hpp"

namespace troupe {

class orphan_watch {
 public:
  explicit orphan_watch(duration timeout)
      : timeout_(timeout), interval_(std::min<duration>(timeout / 4, std::chrono::milliseconds(500))) {}

  /// How often to look.
  duration interval() const { return interval_; }
  /// One look: whether one of them is linked. True when none has been for longer than the timeout.
  bool look(bool linked) {
    alone_ = linked ? duration{} : alone_ + interval_;
    return alone_ > timeout_;
  }
  /// By the looks so far.
  duration alone() const { return alone_; }

 private:
  duration timeout_;
  duration interval_;
  duration alone_{};
};

}  // namespace troupe
