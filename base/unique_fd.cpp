#include "base/unique_fd.hpp"

#include <unistd.h>

namespace troupe {

void unique_fd::reset(int fd) {
  // close() is not repeated on EINTR: Linux has freed the number by then.
  if (fd_ >= 0) ::close(fd_);
  fd_ = fd;
}

}  // namespace troupe
