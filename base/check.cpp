#include "base/check.hpp"

#include <cstdio>
#include <cstdlib>

namespace troupe::detail {

void check_failed(const char* expression, const char* file, int line) noexcept {
  std::fprintf(stderr, "troupe: broken invariant: %s (%s:%d)\n", expression, file, line);
  std::fflush(stderr);
  std::abort();
}

}  // namespace troupe::detail
