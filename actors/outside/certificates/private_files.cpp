#include "actors/outside/certificates/private_files.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

namespace troupe {
namespace {

constexpr size_t bytes_max = 64 << 10;

error io_error(const std::filesystem::path& file, const char* what) {
  return {errc::io_failed, file.string() + ": " + what + ": " + std::strerror(errno)};
}

result<void> write_all(int fd, std::string_view content, const std::filesystem::path& file) {
  while (!content.empty()) {
    ssize_t written = ::write(fd, content.data(), content.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return io_error(file, "cannot write");
    content.remove_prefix(static_cast<size_t>(written));
  }
  if (::fsync(fd) != 0) return io_error(file, "cannot write to the disk");
  return {};
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
  unique_fd in(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
  if (!in && errno == ENOENT) return std::optional<std::string>();
  if (!in) return io_error(file, "cannot open");
  std::string content(bytes_max + 1, '\0');
  size_t size = 0;
  while (size < content.size()) {
    ssize_t got = ::read(in.get(), content.data() + size, content.size() - size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return io_error(file, "cannot read");
    if (got == 0) break;
    size += static_cast<size_t>(got);
  }
  if (size > bytes_max) return {errc::corrupt, file.string() + ": far too long for what it should be"};
  content.resize(size);
  return std::optional<std::string>(std::move(content));
}

result<void> write_private_file(const std::filesystem::path& file, std::string_view content) {
  // The name is fixed, since writers hold the folder's lock: what a crash left there is overwritten.
  auto beside = file;
  beside += ".new";
  unique_fd out(::open(beside.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!out) return io_error(beside, "cannot make the file");
  if (::fchmod(out.get(), 0600) != 0) return io_error(beside, "cannot make it private");
  TROUPE_TRY(write_all(out.get(), content, beside));
  if (std::rename(beside.c_str(), file.c_str()) != 0) return io_error(file, "cannot replace the file");
  auto parent = file.parent_path();
  unique_fd folder(::open(parent.empty() ? "." : parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!folder || ::fsync(folder.get()) != 0) return io_error(parent, "cannot write to the disk");
  return {};
}

}  // namespace troupe
