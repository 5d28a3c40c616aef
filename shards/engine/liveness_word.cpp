#include "shards/engine/liveness_word.hpp"

#include <cerrno>
#include <string>
#include <system_error>

#include "base/check.hpp"

namespace troupe {

result<void> liveness_word::hold() {
  pthread_mutexattr_t kind;
  int failed = pthread_mutexattr_init(&kind);
  if (failed == 0) failed = pthread_mutexattr_setpshared(&kind, PTHREAD_PROCESS_SHARED);
  if (failed == 0) failed = pthread_mutexattr_setrobust(&kind, PTHREAD_MUTEX_ROBUST);
  if (failed == 0) failed = pthread_mutex_init(&mutex_, &kind);
  pthread_mutexattr_destroy(&kind);
  if (failed == 0) failed = pthread_mutex_lock(&mutex_);
  if (failed != 0)
    return error{errc::io_failed, "cannot make a liveness word: " + std::generic_category().message(failed)};
  return {};
}

void liveness_word::let_go() { TROUPE_CHECK(pthread_mutex_unlock(&mutex_) == 0); }

bool liveness_word::holder_is_gone() {
  const int outcome = pthread_mutex_trylock(&mutex_);
  if (outcome == EBUSY) return false;
  if (outcome == EOWNERDEAD) pthread_mutex_consistent(&mutex_);
  // We hold it now, which says that nobody else does. Give it back, so that the next one who asks learns the same.
  if (outcome == 0 || outcome == EOWNERDEAD) pthread_mutex_unlock(&mutex_);
  return true;
}

}  // namespace troupe
