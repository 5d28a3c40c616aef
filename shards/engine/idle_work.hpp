// What a thread may do while it waits for others, instead of nothing.
#pragma once

#include <cstdint>

namespace troupe {

class idle_work {
 public:
  virtual ~idle_work() = default;
  /// A little of it: some tens of nanoseconds. False: nothing is left to do. On any thread; `thread` says which of
  /// those that wait, from 0 on.
  virtual bool some(uint32_t thread) = 0;
};

}  // namespace troupe
