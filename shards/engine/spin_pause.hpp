// Tells the processor that this is a loop that waits.
#pragma once

namespace troupe {

inline void spin_pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
}

}  // namespace troupe
