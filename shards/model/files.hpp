// Files as the model library needs them: mapped whole for reading, written whole or not at all.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>

#include "base/result.hpp"

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

 private:
  explicit mapped_file(std::span<const std::byte> bytes) : bytes_(bytes) {}
  std::span<const std::byte> bytes_;
};

/// Writes the pieces one after the other to `path`: beside it first, synced, then renamed, so that a reader or a crash
/// never sees half a file. Errors: io_failed.
result<void> write_file(const std::string& path, std::span<const std::span<const std::byte>> pieces);

}  // namespace troupe
