// Small files that only their owner may read, replaced as a whole: a reader sees the old content or the new, also after
// a crash.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "actors/outside/descriptors/unique_fd.hpp"
#include "base/result.hpp"

namespace troupe {

/// Makes the folder (mode 0700) if there is none, and waits until no other process holds its lock. The lock lasts as
/// long as the descriptor. Errors: io_failed.
result<unique_fd> lock_private_folder(const std::filesystem::path& folder);

/// The content; nothing where there is no such file. Errors: io_failed, corrupt (above 64 KiB).
result<std::optional<std::string>> read_private_file(const std::filesystem::path& file);

/// Writes a file beside it (mode 0600), and renames that over it when it is on the disk. Errors: io_failed.
result<void> write_private_file(const std::filesystem::path& file, std::string_view content);

}  // namespace troupe
