// Sleeping on a word of memory that several processes share.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>

namespace troupe {

/// Sleeps while `word` is `seen`, at most `slice`. May return for no reason.
void futex_wait(std::atomic<uint32_t>& word, uint32_t seen, std::chrono::nanoseconds slice);
/// Wakes all that sleep on `word`, in any process.
void futex_wake_all(std::atomic<uint32_t>& word);

}  // namespace troupe
