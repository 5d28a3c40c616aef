#include "actors/outside/certificates/private_files.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <system_error>

#include "base/read_file.hpp"

namespace troupe {
namespace {

constexpr size_t bytes_max = 64 << 10;

error io_error(const std::filesystem::path& file, const char* what) {
  return {errc::io_failed, file.string() + ": " + what + ": " + std::strerror(errno)};
}

}  // namespace

result<unique_fd> lock_private_folder(const std::filesystem::path& folder) {
  std::error_code failed;
  bool made = std::filesystem::create_directories(folder, failed);
  if (failed) return {errc::io_failed, folder.string() + ": cannot make the folder: " + failed.message()};
  if (made && ::chmod(folder.c_str(), 0700) != 0) return io_error(folder, "cannot make it private");
  unique_fd lock(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!lock) return io_error(folder, "cannot open the folder");
  while (::flock(lock.get(), LOCK_EX) != 0) {
    if (errno != EINTR) return io_error(folder, "cannot lock the folder");
  }
  return lock;
}

result<std::optional<std::string>> read_private_file(const std::filesystem::path& file) {
  std::error_code failed;
  bool there = std::filesystem::exists(file, failed);
  if (failed) return {errc::io_failed, file.string() + ": cannot be examined: " + failed.message()};
  if (!there) return std::optional<std::string>();
  TROUPE_ASSIGN(auto content, read_file(file.string(), bytes_max));
  return std::optional(std::move(content));
}

}  // namespace troupe
