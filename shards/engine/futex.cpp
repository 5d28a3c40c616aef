#include "shards/engine/futex.hpp"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <climits>

namespace troupe {

static_assert(sizeof(std::atomic<uint32_t>) == sizeof(uint32_t) && std::atomic<uint32_t>::is_always_lock_free);

void futex_wait(std::atomic<uint32_t>& word, uint32_t seen, std::chrono::nanoseconds slice) {
  const auto whole = std::chrono::duration_cast<std::chrono::seconds>(slice);
  const timespec timeout{.tv_sec = whole.count(), .tv_nsec = (slice - whole).count()};
  // Every outcome (woken, timed out, the word had changed, a signal) means: look again.
  syscall(SYS_futex, &word, FUTEX_WAIT, seen, &timeout, nullptr, 0);
}

void futex_wake_all(std::atomic<uint32_t>& word) {
  syscall(SYS_futex, &word, FUTEX_WAKE, INT_MAX, nullptr, nullptr, 0);
}

}  // namespace troupe
