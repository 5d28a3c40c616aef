#include "base/replace_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <string>
#include <system_error>

#include "base/unique_fd.hpp"

namespace troupe {
namespace {

error failed(const std::filesystem::path& path, std::string_view what) {
  return {errc::io_failed, path.string() + ": " + std::string(what) + ": " + std::generic_category().message(errno)};
}

result<void> fill(int file, const std::filesystem::path& path, std::string_view content, outlives what) {
  // What a crash has left there may have had another mode.
  if (::fchmod(file, 0600) != 0) return failed(path, "cannot be made private");
  while (!content.empty()) {
    ssize_t written = ::write(file, content.data(), content.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return failed(path, "cannot be written");
    content.remove_prefix(static_cast<size_t>(written));
  }
  if (what == outlives::the_machine && ::fsync(file) != 0) return failed(path, "cannot be written to the disk");
  return {};
}

/// The renaming is the folder's content.
result<void> sync_folder_of(const std::filesystem::path& path) {
  auto parent = path.parent_path();
  const unique_fd folder(::open(parent.empty() ? "." : parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!folder) return failed(parent, "cannot be opened");
  if (::fsync(folder.get()) != 0) return failed(parent, "cannot be written to the disk");
  return {};
}

}  // namespace

result<void> replace_file(const std::filesystem::path& path, std::string_view content, outlives what) {
  // The name is fixed, since there is one writer at a time: what a crash left there is overwritten.
  auto beside = path;
  beside += ".new";
  unique_fd file(::open(beside.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!file) return failed(beside, "cannot be made");
  TROUPE_TRY(fill(file.get(), beside, content, what));
  file.reset();
  if (std::rename(beside.c_str(), path.c_str()) != 0) return failed(path, "cannot be replaced");
  if (what == outlives::the_machine) TROUPE_TRY(sync_folder_of(path));
  return {};
}

}  // namespace troupe
