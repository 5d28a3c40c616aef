// What a thread may do while it waits for others, instead of nothing.
#pragma once

#include <cstdint>

#include "shards/engine/spin_pause.hpp"

namespace troupe {

class idle_work {
 public:
  virtual ~idle_work() = default;
  /// A little of it: some tens of nanoseconds. False: nothing is left to do. On any thread; `thread` says which of
  /// those that wait, from 0 on.
  virtual bool some(uint32_t thread) = 0;
};

/// What one thread does in one wait, turn by turn.
class idle_wait {
 public:
  /// `work`: null: there is nothing to do.
  idle_wait(idle_work* work, uint32_t thread) : work_(work), thread_(thread) {}
  void turn() {
    if (work_ != nullptr && !work_->some(thread_)) work_ = nullptr;
    if (work_ == nullptr) spin_pause();
  }

 private:
  idle_work* work_;
  uint32_t thread_;
};

}  // namespace troupe
