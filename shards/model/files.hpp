// Files as the model library needs them: mapped whole for reading, written whole or not at all.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <utility>

#include "base/result.hpp"
#include "base/unique_fd.hpp"

namespace troupe {

/// A regular file, mapped read-only. Errors name the path: io_failed; corrupt when the file is empty or not regular.
class mapped_file {
 public:
  static result<std::unique_ptr<mapped_file>> open(const std::string& path);
  ~mapped_file();
  mapped_file(const mapped_file&) = delete;
  mapped_file& operator=(const mapped_file&) = delete;

  /// As many bytes as the file had when it was opened; reading what has been cut off since raises SIGBUS.
  std::span<const std::byte> bytes() const { return bytes_; }
  /// Gives this process's share of the memory back; what is read again comes from the page cache.
  void forget() const;
  /// Copies `wanted`, a part of bytes(), to `to` by reading the file: no page of it becomes this process's. Errors:
  /// io_failed (also where it has been cut off).
  result<void> read(std::span<const std::byte> wanted, std::byte* to) const;

 private:
  mapped_file(std::string path, unique_fd file, std::span<const std::byte> bytes)
      : path_(std::move(path)), file_(std::move(file)), bytes_(bytes) {}
  std::string path_;
  unique_fd file_;
  std::span<const std::byte> bytes_;
};

/// Writes the pieces one after the other to `path`: beside it first, synced, then renamed, so that a reader or a crash
/// never sees half a file. Errors: io_failed.
result<void> write_file(const std::string& path, std::span<const std::span<const std::byte>> pieces);

}  // namespace troupe
