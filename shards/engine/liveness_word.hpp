// A word in shared memory that says whether the thread that holds it lives. It is a process-shared robust mutex, held
// for life: when the holder dies, by whatever means, the kernel marks the mutex, before it frees the dying process's
// memory. So the death of a process with gigabytes is seen within 0.1 ms, where a pidfd or the end of a TCP stream
// takes longer.
#pragma once

#include <pthread.h>

#include "base/result.hpp"

namespace troupe {

/// Lies in shared memory, zeroed at first.
class liveness_word {
 public:
  /// Makes the mutex and takes it, for the calling thread. Once, by the word's own rank, before others are told of it.
  /// Errors: io_failed.
  result<void> hold();
  /// The holding thread lets go: it wants to be taken for gone.
  void let_go();
  /// Whether the holder has died or let go. Any thread of any process, after hold() has returned. Now and then it says
  /// "no" once too often (another process is asking at the same moment), never "yes".
  bool holder_is_gone();

 private:
  pthread_mutex_t mutex_;
};

}  // namespace troupe
