#include "base/read_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

#include "base/unique_fd.hpp"

namespace troupe {
namespace {

constexpr size_t piece_bytes = 64 << 10;

error failed(const std::string& path, std::string_view what) {
  return {errc::io_failed, path + ": " + std::string(what) + ": " + std::generic_category().message(errno)};
}

result<std::string> read_all(int file, const std::string& path, size_t bytes_max) {
  struct stat status {};
  if (::fstat(file, &status) != 0) return failed(path, "cannot be examined");
  if (!S_ISREG(status.st_mode)) return {errc::corrupt, path + ": not a regular file"};
  auto too_large = [&](const std::string& bytes) {
    return error{errc::corrupt,
                 path + ": the file has " + bytes + " bytes, at most " + std::to_string(bytes_max) + " are accepted"};
  };
  auto size = static_cast<uint64_t>(std::max<off_t>(status.st_size, 0));
  if (size > bytes_max) return too_large(std::to_string(size));
  std::string bytes;
  bytes.reserve(size + piece_bytes);
  // To its end and not to its size: files of /proc have none, and one that is being written grows.
  for (;;) {
    const size_t at = bytes.size();
    bytes.resize(std::max<size_t>(at + piece_bytes, size));
    ssize_t got = ::read(file, bytes.data() + at, bytes.size() - at);
    if (got < 0 && errno != EINTR) return failed(path, "cannot be read");
    bytes.resize(at + static_cast<size_t>(std::max<ssize_t>(got, 0)));
    if (bytes.size() > bytes_max) return too_large("more than " + std::to_string(bytes_max));
    if (got == 0) return bytes;
  }
}

}  // namespace

result<std::string> read_file(const std::string& path, size_t bytes_max) {
  // O_NONBLOCK: opening a pipe must not wait for its writer.
  const unique_fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!file) return failed(path, "cannot be opened");
  return read_all(file.get(), path, bytes_max);
}

}  // namespace troupe
