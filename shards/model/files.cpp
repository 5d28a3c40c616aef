#include "shards/model/files.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <utility>

namespace troupe {
namespace {

error failed(const std::string& path, std::string_view what) {
  return {errc::io_failed, path + ": " + std::string(what) + ": " + std::generic_category().message(errno)};
}

result<void> write_all(int file, const std::string& path, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    // One call writes at most 2 GiB anyway.
    ssize_t written = ::write(file, bytes.data(), std::min<size_t>(bytes.size(), 1 << 30));
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return failed(path, "cannot be written");
    bytes = bytes.subspan(static_cast<size_t>(written));
  }
  return {};
}

result<void> write_and_sync(const std::string& path, std::span<const std::span<const std::byte>> pieces) {
  unique_fd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
  if (!file) return failed(path, "cannot be created");
  for (auto piece : pieces) TROUPE_TRY(write_all(file.get(), path, piece));
  if (::fsync(file.get()) != 0) return failed(path, "cannot be synced");
  return {};
}

}  // namespace

result<std::unique_ptr<mapped_file>> mapped_file::open(const std::string& path) {
  // O_NONBLOCK: opening a pipe by mistake must not wait for its writer.
  unique_fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!file) return failed(path, "cannot be opened");
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) return failed(path, "cannot be examined");
  if (!S_ISREG(status.st_mode)) return error{errc::corrupt, path + ": not a regular file"};
  if (status.st_size <= 0) return error{errc::corrupt, path + ": the file is empty"};
  auto size = static_cast<size_t>(status.st_size);
  void* start = ::mmap(nullptr, size, PROT_READ, MAP_SHARED, file.get(), 0);
  if (start == MAP_FAILED) return failed(path, "cannot be mapped");
  return std::unique_ptr<mapped_file>(
      new mapped_file(path, std::move(file), {static_cast<const std::byte*>(start), size}));
}

mapped_file::~mapped_file() {
  // munmap takes a mutable pointer though it writes nothing.
  ::munmap(const_cast<std::byte*>(bytes_.data()), bytes_.size());
}

result<void> mapped_file::read(std::span<const std::byte> wanted, std::byte* to) const {
  auto at = static_cast<off_t>(wanted.data() - bytes_.data());
  for (size_t left = wanted.size(); left > 0;) {
    const ssize_t got = ::pread(file_.get(), to, left, at);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return failed(path_, "cannot be read");
    if (got == 0) return error{errc::io_failed, path_ + ": the file has been cut off since it was opened"};
    to += got;
    at += got;
    left -= static_cast<size_t>(got);
  }
  return {};
}

void mapped_file::forget() const {
  // Only advice, and madvise takes a mutable pointer though it writes nothing to a shared mapping of a file.
  ::madvise(const_cast<std::byte*>(bytes_.data()), bytes_.size(), MADV_DONTNEED);
}

result<void> write_file(const std::string& path, std::span<const std::span<const std::byte>> pieces) {
  // The process id keeps two programs that write the same file from mixing their bytes.
  std::string beside = path + ".part-" + std::to_string(::getpid());
  auto written = write_and_sync(beside, pieces);
  if (written && ::rename(beside.c_str(), path.c_str()) != 0) written = failed(path, "cannot be put in place");
  if (!written) {
    ::unlink(beside.c_str());
    return written;
  }
  // Without this the new name, though not the bytes, can be lost in a power failure.
  auto slash = path.rfind('/');
  std::string folder = slash == std::string::npos ? "." : path.substr(0, slash + 1);
  const unique_fd directory(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!directory || ::fsync(directory.get()) != 0) return failed(folder, "cannot be synced");
  return {};
}

}  // namespace troupe
