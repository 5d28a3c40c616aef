// The folder of the certificates, which several processes may fill at once, and what is in it. (Its files are written
// by base/replace_file.hpp.)
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "base/result.hpp"
#include "base/unique_fd.hpp"

namespace troupe {

/// Makes the folder (mode 0700) if there is none, and waits until no other process holds its lock. The lock lasts as
/// long as the descriptor. Errors: io_failed.
result<unique_fd> lock_private_folder(const std::filesystem::path& folder);

/// The content; nothing where there is no such file. Errors: io_failed, corrupt (above 64 KiB, not a regular file).
result<std::optional<std::string>> read_private_file(const std::filesystem::path& file);

}  // namespace troupe
